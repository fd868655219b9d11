import { readFileSync } from 'node:fs';
import { healthyImage } from '../obligations/commands.js';
import { documentOf } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry, type ImageSpec, patchSealed } from '../support/build-image.js';
import { SECTOR, u32, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** Another layout or capacity: every remap keeps its data, by the independent reader; what is refused. */

const test = suite('dmremap convert and resize');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const SECTORS = 400;

/** A set whose entries take the whole data area, first to last, each with data of its own. */
function fullImage(layout: ImageSpec['layout'], maxEntries: number, entries: readonly Entry[]): Buffer {
  const image = buildImage({ layout, sectors: SECTORS, maxEntries, entries });
  const random = new Random(5);
  for (const [, spare] of entries) random.bytes(SECTOR).copy(image, Number(spare) * SECTOR);
  return image;
}

/** At both ends of the data area, where the tables of other shapes lie. */
const AT_THE_ENDS: readonly Entry[] = [
  ...Array.from({ length: 30 }, (_, index): Entry => [index * 7, 16 + index]),
  ...Array.from({ length: 30 }, (_, index): Entry => [5000 + index, 370 - index]),
];

/** What the remapped device shows: main sectors with their data. */
function shown(image: Buffer): Map<number, string> {
  const { n, why, truth } = judge(image);
  assert.equal([n, why], [0, []]);
  return new Map(
    (truth ?? []).map(([main, spare]) => [
      main,
      image.subarray(spare * SECTOR, (spare + 1) * SECTOR).toString('hex'),
    ]),
  );
}

async function assertKept(spare: string, before: Map<number, string>, ...line: string[]): Promise<Buffer> {
  const [command = '', ...rest] = line;
  const document = documentOf(await shop.run([command, spare, ...rest, '--yes', '--json']), command);
  assert.is(document['exit_code'], 0, JSON.stringify(document['error']));
  const after = readFileSync(spare);
  assert.equal([...shown(after)], [...before], line.join(' '));
  assert.is((await shop.run(['check', spare])).code, 0);
  return after;
}

slow('there and back, up and down, with data in the way of every table', async () => {
  const image = fullImage('plain', 256, AT_THE_ENDS);
  const spare = shop.put('spare.img', image);
  const data = shown(image);
  assert.is(u32(await assertKept(spare, data, 'convert', '--layout', 'redundant'), 'ro_compat_flags'), 1);
  assert.is(u32(await assertKept(spare, data, 'resize', '--entries', '1500'), 'max_entries'), 1500);
  assert.is(u32(await assertKept(spare, data, 'resize', '--entries', '60'), 'max_entries'), 60);
  assert.is(u32(await assertKept(spare, data, 'convert', '--layout', 'plain'), 'ro_compat_flags'), 0);
  assert.is(u32(await assertKept(spare, data, 'resize', '--entries', '700'), 'max_entries'), 700);
});

slow('a spare that has grown is adopted', async () => {
  const image = fullImage('redundant', 256, AT_THE_ENDS.slice(0, 40));
  const spare = shop.put('spare.img', Buffer.concat([image, Buffer.alloc(104 * SECTOR)]));
  const after = await assertKept(spare, shown(image), 'resize', '--entries', '1000');
  assert.is(u32(after.subarray(after.length - 4096), 'max_entries'), 1000, 'the backup is at the new end');
});

slow('on blocks of 4096 bytes', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = fullImage('plain', 256, AT_THE_ENDS);
  const loop = shop.loop(shop.put('spare.img', image), '-b', '4096');
  await assertKept(loop, shown(image), 'convert', '--layout', 'redundant');
  await assertKept(loop, shown(image), 'resize', '--entries', '900');
});

slow('the shape that it has already: nothing is asked and nothing written', async () => {
  const image = healthyImage();
  const spare = shop.put('spare.img', image);
  for (const line of [
    ['convert', spare, '--layout', 'redundant'],
    ['resize', spare, '--entries', '255'],
  ]) {
    const { code, stdout, stderr } = await shop.run(line);
    assert.equal([code, stderr], [0, '']);
    assert.match(stdout, /already/);
    assert.equal(readFileSync(spare), image);
  }
});

slow('what does not fit, or waits for somebody, is refused', async () => {
  const full = fullImage(
    'plain',
    256,
    Array.from({ length: 392 - 16 }, (_, index): Entry => [index, 16 + index]).slice(0, 256),
  );
  const image = shop.put('full.img', full);
  await assertRefused(shop, ['resize', image, '--entries', '10', '--yes'], 'too-small', /256 remaps/, [
    image,
  ]);
  await assertRefused(shop, ['resize', image, '--entries', '100000', '--yes'], 'too-small', /leaves 0/, [
    image,
  ]);
  for (const [role, code] of [
    [1, 'incomplete'],
    [2, 'retired'],
  ] as const) {
    const passive = shop.put('passive.img', healthyImage({ role, peer_uuid: Buffer.alloc(16, 7) }));
    await assertRefused(shop, ['convert', passive, '--layout', 'plain', '--yes'], code, /./, [passive]);
  }
  const waiting = healthyImage();
  patchSealed(waiting, 'both', 'state', 3);
  const error = shop.put('error.img', waiting);
  await assertRefused(
    shop,
    ['resize', error, '--entries', '600', '--yes'],
    'changed-since',
    /settled first/,
    [error],
  );
});

slow('an undo puts back every byte', async () => {
  const image = healthyImage();
  const spare = shop.put('spare.img', image);
  for (const line of [
    ['convert', spare, '--layout', 'plain', '--yes'],
    ['resize', spare, '--entries', '200', '--yes'],
  ]) {
    assert.is((await shop.run(line)).code, 0);
    const undone = await shop.run(['undo', spare, '--yes']);
    assert.is(undone.code, 0, undone.stderr);
    assert.equal(readFileSync(spare), image, line.join(' '));
  }
});

slow('an undo is not undone where that would write over data that it has put back', async () => {
  const image = fullImage('redundant', 256, AT_THE_ENDS.slice(0, 30));
  const spare = shop.put('spare.img', image);
  const main = shop.sparse('main.img', Number(u64(image, 'main_device_size')) * SECTOR);
  assert.is((await shop.run(['resize', spare, '--entries', '1000', '--yes'])).code, 0);
  assert.is((await shop.run(['undo', spare, '--main', main, '--yes'])).code, 0);
  assert.equal(readFileSync(spare), image);
  const again = ['undo', spare, '--main', main, '--yes'];
  await assertRefused(shop, again, 'undo-unavailable', /where the table/, [spare]);
  const { stderr } = await shop.run(again);
  const [, entries = ''] = /dmremap resize \S+ --entries (\d+)/.exec(stderr) ?? [];
  await assertKept(spare, shown(image), 'resize', '--entries', entries);
});
