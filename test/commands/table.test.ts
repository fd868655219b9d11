import { healthyImage, MAIN_SECTORS } from '../obligations/commands.js';
import { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';

/** What the forms of a table carry. */

const test = suite('dmremap table');
const shop = new Workshop();
let spare = '';
let main = '';
test.before(() => {
  spare = shop.put('spare.img', healthyImage());
  main = shop.sparse('main,1.img', MAIN_SECTORS * SECTOR);
});
test.after(() => shop.cleanUp());

test('the one-line form carries name, uuid, flags and segments, its separators quoted', async () => {
  const line = ['table', spare, '--main', main, '--format', 'concise'];
  for (const [flags, access] of [
    [[], 'rw'],
    [['--read-only'], 'ro'],
  ] as const) {
    const { code, stdout } = await shop.run([...line, ...flags]);
    assert.is(code, 0);
    const [name, uuid, minor, mode, first] = stdout.split(/(?<!\\),/);
    assert.equal(
      [name, uuid, minor, mode],
      ['dmremap-11111111', 'DMREMAP-11111111-2222-3333-4444-555555555555', '', access],
    );
    assert.match(first ?? '', /^0 \d+ linear \S+main\\,1\.img 0$/);
  }
});

test('the one-line form is refused where messages would be lost', async () => {
  const line = ['table', spare, '--main', main, '--target', 'remap', '--format', 'concise'];
  await assertRefused(shop, line, 'usage', /no place for the messages/, [spare]);
});
