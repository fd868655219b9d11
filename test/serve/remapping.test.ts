import { DmremapError } from '../../src/errors.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { RequestFailed, SECTOR_FLAG } from '../../src/serve/served-device.js';
import { bytes, sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { SECTOR, settings, stand } from './stand.js';

/** What becomes of sectors that fail, by the words of design.md. */

const test = suite('remapping');

const at = (sector: number) => bytes(sector * SECTOR);
const filled = (count: number, fill: number) => new Uint8Array(count * SECTOR).fill(fill);

test('many requests on one bad sector make one entry', async () => {
  const it = await stand();
  it.main.addFault({ sector: 7, on: 'write' });
  await Promise.all(
    Array.from({ length: 30 }, (_, fill) => it.set.device.write(at(7), filled(1, fill), true)),
  );
  assert.equal([it.set.facts.remapped, it.set.facts.auto_remaps, it.set.facts.write_errors], [1, 1, 1]);
  const into = filled(1, 99);
  assert.equal([await it.set.device.read(at(7), into), into[5]], [[], 29]);
  await it.set.close();
  const { header } = it.set.facts;
  assert.equal(
    [header.auto_remaps, header.write_errors, header.total_remaps_created, header.state],
    [1n, 1n, 1n, 0],
  );
});

test('a read error is told for its sectors alone, the next write moves them', async () => {
  const it = await stand();
  it.main.addFault({ sector: 12, count: 2, on: 'read' });
  const into = filled(8, 1);
  const lacks = await it.set.device.read(at(9), into);
  assert.equal(
    lacks.map(({ at: from, length, errno }) => [from, length, errno]),
    [
      [3 * SECTOR, SECTOR, 'EIO'],
      [4 * SECTOR, SECTOR, 'EIO'],
    ],
  );
  const main = it.mainMedium.content;
  assert.equal(into.subarray(0, 3 * SECTOR), main.subarray(at(9), at(12)));
  assert.equal(into.subarray(5 * SECTOR), main.subarray(at(14), at(17)));
  assert.equal(it.set.device.sectors(at(11), 4 * SECTOR), [
    { length: SECTOR, flags: 0 },
    { length: 2 * SECTOR, flags: SECTOR_FLAG.PENDING },
    { length: SECTOR, flags: 0 },
  ]);
  await it.set.device.write(at(10), filled(6, 3), false);
  assert.equal([it.set.facts.remapped, it.set.facts.pending, it.set.facts.read_errors], [2, 0, 2]);
  assert.equal(await it.set.device.read(at(10), filled(6, 0)), []);
  await it.set.close();
});

test('a part of a pending sector cannot be written: the rest of it is not known', async () => {
  const it = await stand();
  it.main.addFault({ sector: 12, on: 'read' });
  const error: unknown = await it.set.device
    .write(bytes(12 * SECTOR + 5), filled(2, 1), false)
    .catch((e) => e);
  assert.ok(error instanceof Error && 'errno' in error && error.errno === 'EIO');
  assert.is(it.set.facts.remapped, 0);
  await it.set.close();
});

test('main fails by physical blocks: what is at hand moves, the rest of the block is pending', async () => {
  const it = await stand({ physicalBlockSize: 4096 });
  it.main.addFault({ sector: 16, count: 8 });
  await it.set.device.write(at(16), filled(8, 5), false);
  const first = it.set.lookup(sectors(16)).spare ?? 0;
  assert.equal([first % 8, it.set.lookup(sectors(23)).spare], [0, first + 7]);
  it.main.addFault({ sector: 32, count: 8 });
  await it.set.device.write(at(34), filled(3, 5), false);
  assert.equal([it.set.facts.remapped, it.set.facts.pending], [11, 5]);
  await it.set.close();
});

test('salvage moves what could be read at another try; write does not', async () => {
  for (const [remap, moved] of [
    ['salvage', 1],
    ['write', 0],
  ] as const) {
    const it = await stand({ remap });
    const before = it.mainMedium.content.slice(at(30), at(31));
    it.main.addFault({ sector: 30, on: 'read', times: 2 });
    const into = filled(3, 0);
    assert.equal(await it.set.device.read(at(29), into), []);
    assert.equal([it.set.facts.remapped, it.set.facts.pending], [moved, 0]);
    it.mainMedium.content.fill(0, at(30), at(31));
    await it.set.device.read(at(29), into);
    assert.is(Buffer.compare(into.subarray(SECTOR, 2 * SECTOR), before) === 0, moved === 1);
    await it.set.close();
  }
});

test('salvage moves a pending sector that can be read again, also beside one that cannot', async () => {
  const it = await stand({ remap: 'salvage' });
  it.main.addFault({ sector: 30, count: 2, on: 'read' });
  const into = filled(4, 0);
  assert.is((await it.set.device.read(at(29), into)).length, 2);
  it.main.clearFaults();
  it.main.addFault({ sector: 31, on: 'read' });
  assert.is((await it.set.device.read(at(29), into)).length, 1);
  assert.equal([it.set.facts.remapped, it.set.facts.pending], [1, 1]);
  await it.set.close();
  assert.equal(
    judge(Buffer.from(it.spareMedium.content)).truth?.map(([main]) => main),
    [30],
  );
});

test('what is not the medium’s fault moves nothing', async () => {
  for (const errno of ['ENOSPC', 'ENODEV', 'EROFS']) {
    const it = await stand();
    it.main.addFault({ sector: 7, on: 'write', errno });
    const error: unknown = await it.set.device.write(at(7), filled(1, 1), false).catch((thrown) => thrown);
    assert.is(error instanceof Error && 'errno' in error && error.errno, errno);
    assert.is(it.set.facts.remapped, 0);
    await it.set.close();
  }
});

test('a sector goes back to main only when main keeps it, and its place is free after that commit', async () => {
  const entries = Array.from({ length: 5 }, (_, index) => [index * 10, 300 + index] as const);
  const it = await stand({ entries });
  it.main.addFault({ sector: 10, on: 'write' });
  const error: unknown = await it.set.unremap(sectors(10)).catch((thrown) => thrown);
  assert.ok(error instanceof DmremapError);
  assert.is(it.set.lookup(sectors(10)).spare, 301);
  it.main.addFault({ sector: 77, on: 'write' });
  // a new entry that is not committed lies behind those that are
  await it.set.device.write(at(77), filled(1, 7), false);
  await Promise.all([it.set.unremap(sectors(20)), it.set.unremap(sectors(0)), it.set.unremap(sectors(40))]);
  const { truth } = judge(Buffer.from(it.spareMedium.content));
  assert.equal(
    truth?.map(([main]) => main),
    [10, 30, 77],
  );
  const stay = await it.set.clear();
  assert.equal([...stay.keys()], [10, 77]);
  assert.equal(
    [10, 30, 77].map((sector) => it.set.lookup(sectors(sector)).spare !== undefined),
    [true, false, true],
  );
  await it.set.close();
});

test('entries go one by one while others are new: the table is what it should be after each commit', async () => {
  const entries = Array.from({ length: 7 }, (_, index) => [index, 300 + index] as const);
  const it = await stand({ entries });
  const expected = new Map<number, number>(entries);
  for (const sector of [2, 0, 4, 6, 1]) {
    it.main.addFault({ sector: 70 + sector, count: 2, on: 'write' });
    await it.set.device.write(at(70 + sector), filled(1, 7), false);
    expected.set(70 + sector, it.set.lookup(sectors(70 + sector)).spare ?? 0);
    await it.set.unremap(sectors(sector));
    expected.delete(sector);
    const { truth } = judge(Buffer.from(it.spareMedium.content));
    assert.equal(
      truth,
      [...expected].sort(([a], [b]) => a - b),
    );
  }
  await it.set.close();
});

test('by hand, with its data; unless it is lost', async () => {
  const it = await stand();
  await it.set.remap(sectors(9));
  const { truth } = judge(Buffer.from(it.spareMedium.content));
  assert.equal(truth?.length, 1);
  const spare = truth?.[0]?.[1] ?? 0;
  const copy = it.spareMedium.content.subarray(at(spare), at(spare + 1));
  assert.equal(copy, it.mainMedium.content.subarray(at(9), at(10)));
  it.main.addFault({ sector: 10, on: 'read' });
  const error: unknown = await it.set.remap(sectors(10)).catch((thrown) => thrown);
  assert.ok(error instanceof DmremapError && error.code === 'io');
  assert.equal([it.set.facts.remapped, it.set.facts.manual_remaps], [1, 1]);
  await it.set.close();
});

test('restore loads the committed table; unsaved entries only go when told to', async () => {
  const it = await stand({ entries: [[3, 300]] });
  it.main.addFault({ sector: 7, on: 'write' });
  await it.set.device.write(at(7), filled(1, 1), false);
  const error: unknown = await it.set.restore(false).catch((thrown) => thrown);
  assert.ok(error instanceof DmremapError && /1 unsaved/.test(error.message));
  await it.set.restore(true);
  assert.equal([it.set.facts.remapped, it.set.lookup(sectors(3)).spare], [1, 300]);
  await it.set.device.write(at(7), filled(1, 2), true);
  await it.set.restore(false);
  assert.is(it.set.facts.remapped, 2);
  await it.set.close();
});

test('a set with one copy takes new entries; it drops none without a place to save what that overwrites', async () => {
  const it = await stand({ layout: 'plain-ext', entries: [[3, 300]] });
  it.main.addFault({ sector: 7, on: 'write' });
  await it.set.device.write(at(7), filled(1, 1), true);
  const error: unknown = await it.set.unremap(sectors(3)).catch((thrown) => thrown);
  assert.is(error instanceof DmremapError && error.code, 'undo-unavailable');
  assert.is(it.set.lookup(sectors(3)).spare, 300);
  const { truth } = judge(Buffer.from(it.spareMedium.content));
  assert.equal(
    truth?.map(([main]) => main),
    [3, 7],
  );
  await it.set.close();
});

test('a set that is only read is not written to', async () => {
  const it = await stand({ entries: [[3, 300]] });
  await it.set.close();
  const before = Buffer.from(it.spareMedium.content);
  const set = await RemapSet.open(it.main, it.spare, { ...settings(), readOnly: true });
  const error: unknown = await set.device.write(at(1), filled(1, 1), false).catch((thrown) => thrown);
  assert.is(error instanceof Error && 'errno' in error && error.errno, 'EPERM');
  const refused: unknown = await set.clear().catch((thrown) => thrown);
  assert.ok(refused instanceof DmremapError && refused.code === 'permission');
  const into = filled(2, 0);
  assert.equal(await set.device.read(at(2), into), []);
  assert.equal(into.subarray(SECTOR), it.spareMedium.content.subarray(at(300), at(301)));
  await set.device.flush();
  await set.close();
  assert.is(Buffer.compare(before, it.spareMedium.content), 0);
});

test('state is 1 while it is open for writing, and nobody has to flush for an entry to be saved', async () => {
  const it = await stand();
  assert.is(it.set.facts.header.state, 1);
  await it.set.close();
  const set = await RemapSet.open(it.main, it.spare, { ...settings(), saveInterval: 20 });
  it.main.addFault({ sector: 7, on: 'write' });
  await set.device.write(at(7), filled(1, 1), false);
  assert.is(set.facts.unsaved, 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal([set.facts.unsaved, set.facts.isDirty], [0, false]);
  await set.close();
  assert.is(set.facts.header.state, 0);
});

test('zeros that are refused because they would be slow change nothing, also at their ends', async () => {
  const it = await stand({ entries: [[20, 300]] });
  await it.set.device.write(at(10), filled(16, 7), false);
  const fast = { fua: false, mayPunch: true, fast: true };
  const error: unknown = await it.set.device
    .writeZeroes(bytes(10 * SECTOR + 100), 15 * SECTOR, fast)
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof RequestFailed && error.errno === 'ENOTSUP');
  const into = filled(16, 0);
  assert.equal(await it.set.device.read(at(10), into), []);
  assert.equal(into, filled(16, 7));
  await it.set.close();
});
