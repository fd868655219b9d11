import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { openDevice } from '../../src/device/open.js';
import { type DmTable, MANY_SEGMENTS, makeTable, type TableOptions } from '../../src/operations/table.js';
import { fails, Scratch } from '../device/scratch.js';
import { placeOf, readTable } from '../exchange/table-reader.js';
import { buildImage, type Entry, type ImageSpec, patch } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { saved, savedMain, savedSpare, unchanged } from './images.js';

/** Tables of real sets: image files and loop devices, of 512 and 4096 bytes a logical block. */

const test = suite('table');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MAIN = 4096;
const SPEC: ImageSpec = {
  layout: 'redundant',
  sectors: 2048,
  mainSectors: MAIN,
  entries: [
    [5, 300],
    [6, 301],
    [4095, 40],
  ],
};
const LINEAR: TableOptions = { target: 'linear', readOnly: false };

async function table(spare: string, main: string, options: Partial<TableOptions> = {}) {
  const made = await makeTable(spare, { ...LINEAR, main, ...options });
  if (made === undefined) throw new Error('no table');
  return { ...made, lines: [...made.lines], messages: [...made.messages] };
}

test('a set on image files, and nothing is written', async () => {
  const spare = savedSpare(scratch, 'spare.img', SPEC);
  const main = savedMain(scratch, 'main.img', MAIN);
  const same = [unchanged(spare), unchanged(main)];
  const made = await table(spare, main);
  assert.equal(made.lines, [
    `0 5 linear ${main} 0`,
    `5 2 linear ${spare} 300`,
    `7 4088 linear ${main} 7`,
    `4095 1 linear ${spare} 40`,
  ]);
  assert.is(made.segments, 4);
  assert.is(made.name, 'dmremap-11111111');
  assert.is(made.uuid, 'DMREMAP-11111111-2222-3333-4444-555555555555');
  assert.is(made.readOnly, false);
  assert.equal(made.messages, []);
  assert.is(made.warnings.filter((warning) => /is an image file/.test(warning)).length, 2);
  assert.ok(same.every((ask) => ask()));
});

test('the table shows every sector of the remapped device', async () => {
  const random = new Random(1);
  for (const layout of ['redundant', 'plain', 'plain-ext'] as const) {
    const spares = random.distinct(500, 40, 2000);
    const mains = random.distinct(500, 0, MAIN - 1);
    const entries = mains.map((main, index): Entry => [main, spares[index] ?? 0]);
    const spare = savedSpare(scratch, `${layout}.img`, { ...SPEC, layout, entries });
    const main = savedMain(scratch, 'main.img', MAIN);
    const lines = readTable((await table(spare, main)).lines.join('\n'));
    const spareOf = new Map(entries.map(([from, to]) => [Number(from), Number(to)]));
    for (let sector = 0; sector < MAIN; sector++) {
      const place = placeOf(lines, sector);
      const to = spareOf.get(sector);
      assert.equal(place, to === undefined ? { device: main, sector } : { device: spare, sector: to });
    }
  }
});

test('a damaged or stale copy makes no difference, a table in doubt is not given', async () => {
  const main = savedMain(scratch, 'main.img', MAIN);
  const damaged = buildImage(SPEC);
  damaged.fill(0, 0, 4096);
  assert.is((await table(saved(scratch, 'damaged.img', damaged), main)).segments, 4);
  const dirty = savedSpare(scratch, 'dirty.img', { ...SPEC, state: 1 });
  assert.is((await table(dirty, main)).segments, 4);
  const doubtful: [name: string, spec: Partial<ImageSpec>][] = [
    ['into the metadata', { entries: [[5, 3]] }],
    ['beyond main', { entries: [[MAIN, 300]] }],
    [
      'twice',
      {
        entries: [
          [5, 300],
          [5, 301],
        ],
      },
    ],
    ['failed', { state: 3 }],
  ];
  for (const [name, spec] of doubtful) {
    const spare = savedSpare(scratch, 'doubtful.img', { ...SPEC, ...spec });
    assert.is(await makeTable(spare, { ...LINEAR, main }), undefined, name);
  }
  const lost = buildImage({ ...SPEC, layout: 'plain' });
  patch(lost, 'primary', 'last_update_time', 1);
  assert.is(await makeTable(saved(scratch, 'lost.img', lost), { ...LINEAR, main }), undefined);
});

test('retired, incomplete, unknown and foreign are refused by name', async () => {
  const main = savedMain(scratch, 'main.img', MAIN);
  const peer = { peer_uuid: Buffer.alloc(16, 0xab) };
  const ask = (spec: Partial<ImageSpec>) =>
    makeTable(savedSpare(scratch, 'spare.img', { ...SPEC, ...spec }), { ...LINEAR, main });
  const retired = await fails('retired', ask({ role: 2, fields: peer }), /abababab-abab/);
  assert.match(retired.hint ?? '', /SPARE=abababab-abab/);
  await fails('incomplete', ask({ role: 1, fields: peer }), /abababab-abab/);
  await fails('unsupported', ask({ fields: { incompat_flags: 4 } }));
  await fails('not-dmremap3', makeTable(savedMain(scratch, 'zeros.img', 64), { ...LINEAR, main }));
});

test('main has to have the size of the set', async () => {
  const spare = savedSpare(scratch, 'spare.img', SPEC);
  const smaller = savedMain(scratch, 'smaller.img', MAIN - 8);
  const larger = savedMain(scratch, 'larger.img', MAIN + 8);
  await fails('wrong-main', table(spare, smaller), /4088 sectors/);
  await fails('wrong-main', table(spare, larger), /4104 sectors/);
  await fails('wrong-main', table(spare, smaller, { acceptMain: 'none' }), /the set needs 4096/);
  const lines = readTable((await table(spare, larger, { acceptMain: 'none' })).lines.join('\n'));
  assert.is(
    (lines.at(-1)?.start ?? 0) + (lines.at(-1)?.length ?? 0),
    MAIN,
    'as large as the set, not as main',
  );
  await fails('usage', makeTable(spare, LINEAR), /no identity of its main/);
});

test('the line of the module, where it could lay the remaps out so', async () => {
  const main = savedMain(scratch, 'main.img', MAIN);
  const entries: Entry[] = [
    [900, 41],
    [7, 40],
    [8, 42],
  ];
  const inARow = savedSpare(scratch, 'row.img', { ...SPEC, entries });
  const made = await table(inARow, main, { target: 'remap' });
  // on 2048 sectors with 1000 entries the backup table begins at sector 2008
  assert.equal(made.lines, [`0 ${MAIN} remap ${main} ${inARow} 40 1968`]);
  assert.equal(made.messages, ['clear', 'remap 7', 'remap 900', 'remap 8']);
  const plain = savedSpare(scratch, 'plain.img', { ...SPEC, layout: 'plain', entries: [] });
  assert.equal((await table(plain, main, { target: 'remap' })).lines, [
    `0 ${MAIN} remap ${main} ${plain} 40 2008`,
  ]);
  const gaps = savedSpare(scratch, 'gaps.img', SPEC);
  await fails('unsupported', table(gaps, main, { target: 'remap' }), /gaps/);
});

test('a set that is in use comes with a warning', async () => {
  const spare = savedSpare(scratch, 'spare.img', { ...SPEC, state: 1 });
  const main = savedMain(scratch, 'main.img', MAIN);
  const warned = async () =>
    (await table(spare, main)).warnings.some((warning) => /in use \(.*now on/.test(warning));
  assert.is(await warned(), false);
  const held = await openDevice(spare, { mode: 'exclusive' });
  assert.is(await warned(), true);
  await held.close();
});

test('very many segments come with a warning', async () => {
  const main = savedMain(scratch, 'main.img', MANY_SEGMENTS + 8);
  const count = MANY_SEGMENTS / 2;
  const build = (odd: number) =>
    savedSpare(scratch, `${odd}.img`, {
      layout: 'plain',
      sectors: 22_000,
      maxEntries: count,
      mainSectors: MANY_SEGMENTS + 8,
      entries: Array.from({ length: count }, (_, index): Entry => [2 * index + odd, 1000 + 2 * index]),
    });
  const warned = ({ warnings }: Pick<DmTable, 'warnings'>) =>
    warnings.some((warning) => /segments/.test(warning));
  // each remap makes one segment for itself and one before it, but for a first one at sector 0
  const few = await table(build(0), main);
  assert.equal([few.segments, warned(few)], [MANY_SEGMENTS, false]);
  const many = await table(build(1), main);
  assert.equal([many.segments, warned(many)], [MANY_SEGMENTS + 1, true]);
});

/** Both images as loop devices, with their numbers as sysfs knows them. */
function attach(spare: string, main: string, ...options: string[]) {
  const nodes = [scratch.loop(spare, ...options), scratch.loop(main, ...options)] as const;
  const numbers = nodes.map((node) => readFileSync(`/sys/class/block/${basename(node)}/dev`, 'utf8').trim());
  return { spare: nodes[0], main: nodes[1], numbers };
}

test('block devices are named by their numbers', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = savedSpare(scratch, 'spare.img', SPEC);
  const { spare, main, numbers } = attach(image, savedMain(scratch, 'main.img', MAIN), '--read-only');
  const made = await table(spare, main, { readOnly: true });
  assert.equal(made.lines[0], `0 5 linear ${numbers[1]} 0`);
  assert.equal(made.lines[1], `5 2 linear ${numbers[0]} 300`);
  assert.equal(
    made.warnings.filter((warning) => /image/.test(warning)),
    [],
  );
  assert.is(made.readOnly, true);
});

test('a table that would split a block of a 4Kn disk is refused, a whole one is not', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const block = (main: number, spare: number) =>
    Array.from({ length: 8 }, (_, index): Entry => [main + index, spare + index]);
  const ask = async (name: string, entries: readonly Entry[]) => {
    const image = savedSpare(scratch, `${name}.img`, { ...SPEC, entries });
    const { spare, main } = attach(image, savedMain(scratch, `${name}-main.img`, MAIN), '-b', '4096');
    return table(spare, main);
  };
  assert.is((await ask('whole', [...block(16, 304), ...block(24, 40)])).segments, 4);
  const part = await fails(
    'unsupported',
    ask('part', [[16, 304]]),
    /4096 bytes would be split at sector 16 /,
  );
  assert.match(part.hint ?? '', /no table can map/);
  await fails('unsupported', ask('shifted', block(16, 305)), /split at sector 16/);
  await fails('unsupported', ask('off', block(17, 304)), /split/);
});
