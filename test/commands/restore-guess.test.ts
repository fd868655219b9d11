import { readFileSync, writeFileSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage, patchSealed } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** What restore would drop, add or point elsewhere is listed, and waits for --accept-guess. */

const test = suite('dmremap restore: guesses');
const slow = patient(test);
let shop: Workshop;
let spare = '';
let dump = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ spare, dump } = await shop.healthy());
});
test.afterEach(() => shop.cleanUp());

const line = (input: string, ...more: string[]) => ['restore', spare, '--input', input, '--yes', ...more];

/** The dump of the healthy spare with other entries. */
function edited(change: (entries: { main_sector: number; spare_sector: number }[]) => void): string {
  const document = JSON.parse(readFileSync(dump, 'utf8'));
  change(document.entries);
  document.header.entry_count = document.entries.length;
  writeFileSync(shop.path('edited.json'), JSON.stringify(document));
  return shop.path('edited.json');
}

slow('every entry that changes is named, in the refusal and in the plan', async () => {
  const input = edited((entries) => {
    entries.splice(0, 2, { main_sector: 77, spare_sector: 16 });
    const last = entries.at(-1);
    if (last !== undefined) last.spare_sector = 30;
  });
  const expected = [
    { main_sector: 7, from: 16, to: null },
    { main_sector: 8, from: 17, to: null },
    { main_sector: 77, from: null, to: 16 },
    { main_sector: 4095, from: 20, to: 30 },
  ];
  const error = await assertRefused(shop, line(input), 'changed-since', /other entries/, [spare]);
  // documents are read with exact integers
  assert.equal(plain(error['entries']), expected);
  const shown = await shop.run(line(input, '--accept-guess', '--dry-run'));
  assert.is(shown.code, 0);
  for (const says of [
    /main sector 7 is not remapped any more \(it is at spare sector 16\)/,
    /main sector 77 is remapped to spare sector 16 \(it is not remapped now\)/,
    /main sector 4095 is remapped to spare sector 30 \(it is at spare sector 20\)/,
  ])
    assert.match(shown.stderr.replace(/\s+/g, ' '), says);
  const done = documentOf(await shop.run([...line(input, '--accept-guess'), '--json']), 'restore');
  assert.equal(plain(done['changed_entries']), expected);
  assert.equal(judge(readFileSync(spare)).truth, [
    [9, 18],
    [77, 16],
    [1000, 19],
    [4095, 30],
  ]);
});

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item)));
}

slow('another order of the same entries is none', async () => {
  const input = edited((entries) => void entries.reverse());
  const ended = await shop.run(line(input));
  assert.is(ended.code, 0, ended.stderr);
  assert.is(judge(readFileSync(spare)).n, 0);
});

slow('a result that breaks a rule of the entries', async () => {
  const input = edited((entries) => {
    const [first, second] = entries;
    if (first !== undefined && second !== undefined) second.spare_sector = first.spare_sector;
  });
  await assertRefused(shop, line(input), 'changed-since', /check would find spare-shared/, [spare]);
});

slow('a damaged copy that claims commits which the dump does not have', async () => {
  const image = healthyImage();
  patchSealed(image, 'both', 'generation', 9);
  for (const place of [4096 + 3, image.length - 8192 + 3])
    image.writeUInt8(image.readUInt8(place) ^ 1, place);
  shop.put('healthy.img', image);
  await assertRefused(
    shop,
    line(dump, '--same-device'),
    'changed-since',
    /claims generation 9, the dump has 1/,
    [spare],
  );
});

slow('a set whose device has grown is moved first', async () => {
  const before = Buffer.concat([healthyImage(), Buffer.alloc(1 << 16)]);
  shop.put('healthy.img', before);
  const taken = shop.path('grown.json');
  assert.is((await shop.run(['dump', spare, '-o', taken])).code, 0);
  const ended = await shop.run(line(taken));
  assert.is(ended.code, 0, ended.stderr);
  const after = readFileSync(spare);
  const { n, truth } = judge(after);
  assert.equal([n, truth], [0, judge(before).truth]);
  const moved = buildImage({ layout: 'redundant', sectors: after.length / SECTOR });
  assert.is(
    after.toString('latin1', after.length - 4096, after.length - 4088),
    moved.toString('latin1', 0, 8),
  );
});
