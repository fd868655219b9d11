import { readFileSync } from 'node:fs';
import { fsck } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';

/** What the kernel module itself wrote (format.md section 7) is named as such, and never written. */

const test = suite('check on images of the kernel module');
const shop = new Workshop();
test.after(() => shop.cleanUp());

const spares = fixtureNames().filter((name) => name.startsWith('module/') && name.endsWith('.spare'));

test('there are some', () => assert.ok(spares.length >= 6, spares.join()));

for (const name of spares) {
  test(name, async () => {
    const before = fixture(name);
    const path = shop.put('module.img', before);
    // Without a magic nothing tells that it ever was a spare.
    const code = name.includes('nomagic') ? 8 : 4;
    for (const mode of ['-n', '-p', '-y']) {
      for (const ended of [
        await shop.run(['check', mode, path]),
        await fsck([mode, path], { env: shop.env }),
      ]) {
        assert.is(ended.code, code, `${mode}: ${ended.stdout}${ended.stderr}`);
        assert.match(ended.stdout + ended.stderr, code === 8 ? /not a DMREMAP3 spare/ : /kernel module/);
        assert.equal(readFileSync(path), before, mode);
      }
    }
    if (code === 8) return;
    const info = await shop.run(['info', path]);
    assert.is(info.code, 4);
    assert.match(info.stdout, /module-image/);
  });
}
