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
    // without a magic nothing but the operator's word tells that it ever was a spare
    const word = name.includes('nomagic') ? ['--module'] : [];
    for (const mode of ['-n', '-p', '-y']) {
      for (const ended of [
        await shop.run(['check', mode, ...word, path]),
        await fsck([mode, ...word, path], { env: shop.env }),
      ]) {
        assert.is(ended.code, 4, `${mode}: ${ended.stdout}${ended.stderr}`);
        assert.match(ended.stdout, /: a spare of the dm-remap v3 kernel module$/m);
        assert.match(ended.stdout, /^ {2}problem module-image$/m);
        assert.equal(readFileSync(path), before, mode);
      }
    }
    const info = await shop.run(['info', ...word, path]);
    assert.is(info.code, 4);
    assert.match(info.stdout, /module-image/);
    assert.not.match(info.stdout, 'backup at byte', 'the module writes no backup');
  });
}

test('without --module, a spare without a magic is none, and the flag is named', async () => {
  const path = shop.put('bare.img', fixture('module/v3-nomagic.spare'));
  for (const ended of [
    await shop.run(['check', path]),
    await shop.run(['info', path]),
    await fsck([path], { env: shop.env }),
  ]) {
    assert.is(ended.code, 8);
    assert.match(ended.stderr, /not a DMREMAP3 spare[\s\S]*dmremap info --module \S+\.img/);
  }
});

test('--module says nothing about a device that looks otherwise', async () => {
  for (const [content, code] of [
    [Buffer.alloc(1 << 20), 8],
    [fixture('redundant-some'), 0],
    [fixture('torn-primary'), 4],
  ] as const) {
    const ended = await shop.run(['check', '--module', shop.put('other.img', content)]);
    assert.is(ended.code, code, ended.stdout + ended.stderr);
    assert.not.match(ended.stdout, 'module-image');
  }
});
