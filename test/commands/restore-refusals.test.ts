import { readFileSync, writeFileSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { patchSealed } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** A dump goes back to the device that it was taken from, whole, or nowhere. */

const test = suite('dmremap restore: refusals');
const slow = patient(test);
let shop: Workshop;
let spare = '';
let dump = '';
let text = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ spare, dump } = await shop.healthy());
  text = readFileSync(dump, 'utf8');
});
test.afterEach(() => shop.cleanUp());

const line = (device: string, ...more: string[]) => ['restore', device, '--input', dump, '--yes', ...more];

slow('a dump of another device', async () => {
  const larger = shop.put('larger.img', healthyImage({}, 4096));
  const error = await assertRefused(
    shop,
    line(larger),
    'wrong-device',
    /its size is 1048576, here it is 2097152/,
    [larger],
  );
  assert.equal([error['field'], error['dumped'], error['found']], ['size', '1048576', '2097152']);
  const other = shop.put('other.img', healthyImage({ spare_uuid: Buffer.alloc(16, 1) }));
  await assertRefused(shop, line(other), 'wrong-device', /its spare_uuid is/, [other]);
  for (const path of [larger, other])
    await assertRefused(
      shop,
      line(path, '--same-device', '--accept-guess'),
      'wrong-device',
      /another device/,
      [path],
    );
});

slow('a device that nothing identifies', async () => {
  const blank = shop.sparse('blank.img', 1 << 20);
  await assertRefused(shop, line(blank), 'wrong-device', /nothing tells/, [blank]);
  const ended = await shop.run(line(blank, '--same-device'));
  assert.is(ended.code, 0, ended.stderr);
  assert.is(judge(readFileSync(blank)).n, 0);
});

slow('a dump that was cut short, wherever', async () => {
  const input = shop.path('cut.json');
  const cuts = [
    0,
    1,
    2,
    100,
    text.indexOf('"header"'),
    text.indexOf('"entries"'),
    text.indexOf('"complete"'),
  ];
  cuts.push(
    text.lastIndexOf('}') - 1,
    text.lastIndexOf('true'),
    text.indexOf('main_sector') + 30,
    text.length - 3,
  );
  for (const cut of cuts) {
    writeFileSync(input, text.slice(0, cut));
    const words = ['restore', spare, '--input', input, '--yes'];
    await assertRefused(shop, words, 'usage', /not a whole dump/, [spare]);
  }
});

slow('what is no dump', async () => {
  const input = shop.path('no-dump');
  const dumped = JSON.parse(text);
  const not = (change: object) => JSON.stringify({ ...dumped, ...change });
  const wrong: readonly (readonly [title: string, content: string | Buffer])[] = [
    ['text', 'main_sector spare_sector\n'],
    ['bytes', Buffer.from([0xff, 0xfe, 0, 1])],
    ['an image', healthyImage()],
    ['another document', '{"command": "info", "exit_code": 0}'],
    ['a list', '[]'],
    ['a number', '7'],
    ['a dump of the future', not({ dump_version: 2 })],
    ['incomplete', not({ complete: false })],
    ['no header', not({ header: null })],
    ['half a header', not({ header: { magic: 'DMREMAP3' } })],
    ['no device', not({ device: undefined })],
    ['an entry that is none', not({ entries: [7] })],
    ['an entry with half its numbers', not({ entries: [{ main_sector: 7 }] })],
    ['an entry with text', not({ entries: [{ main_sector: '7', spare_sector: '16' }] })],
    ['an entry with fractions', not({ entries: [{ main_sector: 7.5, spare_sector: 16 }] })],
    ['a negative entry', not({ entries: [{ main_sector: -7, spare_sector: 16 }] })],
    ['an entry beyond 64 bits', text.replace('"main_sector": 7,', '"main_sector": 18446744073709551616,')],
    ['a field beyond its bits', not({ header: { ...dumped.header, max_entries: 4294967296 } })],
    ['a field of another kind', not({ header: { ...dumped.header, set_uuid: 'no uuid' } })],
    ['fewer entries than the header says', not({ entries: dumped.entries.slice(1) })],
    ['more entries than the table holds', not({ header: { ...dumped.header, max_entries: 2 } })],
    ['a table that does not fit the device', not({ header: { ...dumped.header, max_entries: 100_000 } })],
    ['reserved bytes out of place', not({ reserved: [{ byte: 4095, hex: '0102' }] })],
    ['reserved bytes over a field', not({ reserved: [{ byte: 32, hex: 'ffffffff' }] })],
    ['reserved bytes that are none', not({ reserved: [{ byte: 'x', hex: 'zz' }] })],
  ];
  const accepted: string[] = [];
  for (const [title, content] of wrong) {
    writeFileSync(input, content);
    shop.put('healthy.img', healthyImage());
    const words = ['restore', spare, '--input', input, '--yes'];
    const ended = await shop.run(words);
    if (ended.code !== 16 || !healthyImage().equals(readFileSync(spare)))
      accepted.push(`${title}: ${ended.code} ${ended.stderr.split('\n').at(-2)}`);
    assert.not.match(ended.stderr, /unexpected|^\s+at /m, title);
  }
  assert.equal(accepted, []);
});

slow('inputs that cannot be read', async () => {
  for (const [input, says] of [
    [shop.path('missing.json'), /no file/],
    [shop.folder, /directory/],
    ['/dev/null', /not a whole dump/],
  ] as const)
    await assertRefused(shop, ['restore', spare, '--input', input, '--yes'], 'usage', says, [spare]);
});

slow('a dump of another generation, or of a damaged copy, is a guess', async () => {
  const image = healthyImage();
  patchSealed(image, 'both', 'generation', 9);
  const newer = shop.put('newer.img', image);
  const error = await assertRefused(shop, line(newer), 'changed-since', /has generation 9, the dump has 1/, [
    newer,
  ]);
  assert.equal([error['generation'], error['dump_generation']], [9, 1]);
  const ended = await shop.run(line(newer, '--accept-guess'));
  assert.is(ended.code, 0, ended.stderr);
  assert.is(judge(readFileSync(newer)).n, 0);

  const damaged = shop.put('damaged.img', fixture('flip-each'));
  dump = shop.path('damaged.json');
  assert.is((await shop.run(['dump', damaged, '-o', dump])).code, 4);
  const same = line(damaged, '--same-device');
  await assertRefused(shop, same, 'changed-since', /not valid/, [damaged]);
});
