import { setImmediate } from 'node:timers/promises';
import type { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DeviceError, DmremapError } from '../../src/errors.js';
import { RequestFailed, SECTOR_FLAG } from '../../src/serve/served-device.js';
import { bytes, sectors } from '../../src/units.js';
import { fails } from '../device/scratch.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { remapped, SECTOR, type Stand, stand } from './stand.js';

/** A spare that fails under the set: what was acknowledged is told the truth about, and main goes on. */

const test = suite('remap device on a failing spare');

const ENTRIES = [
  [3, 300],
  [90, 301],
] as const;

const at = (sector: number) => bytes(sector * SECTOR);
const data = (fill: number) => new Uint8Array(SECTOR).fill(fill);

async function refused(work: Promise<unknown>, errno: string): Promise<RequestFailed> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RequestFailed, `nothing failed with ${errno}`);
  assert.is(error.errno, errno);
  return error;
}

async function readOf({ set }: Stand, sector: number): Promise<[value: number | undefined, lacks: number]> {
  const into = new Uint8Array(SECTOR);
  const lacks = await set.device.read(at(sector), into);
  return [into[0], lacks.length];
}

test('a write that the spare takes nowhere fails by its place; main goes on', async () => {
  const it = await stand({ entries: ENTRIES });
  it.spare.addFault({ sector: 0, count: 512 });
  const four = new Uint8Array(4 * SECTOR).fill(7);
  assert.is((await refused(it.set.device.write(at(1), four, false), 'EIO')).at, 2 * SECTOR);
  await it.set.device.write(at(10), data(1), true);
  assert.equal(await readOf(it, 3), [0, 1]);
  assert.equal(it.set.device.sectors(at(3), SECTOR), [
    { length: SECTOR, flags: SECTOR_FLAG.REMAPPED | SECTOR_FLAG.LOST },
  ]);
  it.spare.clearFaults();
  await it.set.device.write(at(3), data(9), true);
  assert.equal(await readOf(it, 3), [9, 0]);
  assert.equal(it.set.device.sectors(at(3), SECTOR), [{ length: SECTOR, flags: SECTOR_FLAG.REMAPPED }]);
  await it.set.close();
});

test('of sectors that lie side by side on the spare one that fails is told by its place; the others are written', async () => {
  const it = await stand({
    entries: [
      [3, 300],
      [5, 301],
      [7, 302],
    ],
  });
  it.spare.addFault({ sector: 301 });
  // nor does any other place take it
  const { data_start } = it.set.facts.header;
  it.spare.addFault({ sector: Number(data_start), count: 300 - Number(data_start) });
  const eight = new Uint8Array(8 * SECTOR);
  for (let sector = 0; sector < 8; sector++) eight.fill(sector + 1, sector * SECTOR, (sector + 1) * SECTOR);
  assert.is((await refused(it.set.device.write(at(1), eight, false), 'EIO')).at, 4 * SECTOR);
  // what was written before a failure is written again by the next flush
  await it.set.device.flush();
  for (const sector of [1, 2, 3, 4, 6, 7, 8]) assert.equal(await readOf(it, sector), [sector, 0]);
  const into = new Uint8Array(8 * SECTOR);
  const lacks = await it.set.device.read(at(1), into);
  assert.equal(
    lacks.map((lack) => [lack.at, lack.length]),
    [[4 * SECTOR, SECTOR]],
  );
  assert.equal(
    into,
    eight.map((value) => (value === 5 ? 0 : value)),
  );
  await it.set.close();
});

test('after a flush that failed FLUSH answers EIO until the data lies there again', async () => {
  const it = await stand({ entries: ENTRIES });
  await it.set.device.write(at(90), data(5), false);
  it.spare.failFlushes(1);
  await refused(it.set.device.flush(), 'EIO');
  it.spare.addFault({ sector: 0, count: 512 });
  await refused(it.set.device.flush(), 'EIO');
  await refused(it.set.device.flush(), 'EIO');
  assert.equal(await readOf(it, 90), [5, 0], 'memory has what was written last');
  it.spare.clearFaults();
  // the copy that was kept is written again, and only then flushed
  const writes = it.spare.failed.writes;
  await it.set.device.flush();
  assert.is(it.spare.failed.writes, writes);
  assert.equal(await readOf(it, 90), [5, 0]);
  await it.set.close();
});

test('an entry is not committed while the flush of its data fails', async () => {
  const it = await stand();
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), data(6), false);
  assert.is(it.set.facts.unsaved, 1);
  it.spare.failFlushes(1);
  await refused(it.set.device.flush(), 'EIO');
  assert.equal(judge(Buffer.from(it.spareMedium.content)).truth, []);
  await it.set.device.flush();
  assert.is(it.set.facts.unsaved, 0);
  assert.equal(
    [...remapped(it).subarray(20 * SECTOR, 21 * SECTOR)].every((byte) => byte === 6),
    true,
  );
  await it.set.close();
});

test('a place on the spare that fails is passed over, and never used again', async () => {
  const it = await stand();
  const { data_start } = it.set.facts.header;
  it.spare.addFault({ sector: Number(data_start), on: 'write' });
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), data(6), true);
  assert.is(it.set.lookup(sectors(20)).spare, Number(data_start) + 1);
  assert.equal(await readOf(it, 20), [6, 0]);
  await it.set.close();
});

test('with a copy that cannot be written new remaps are durable, and none is dropped', async () => {
  const it = await stand({ entries: ENTRIES });
  it.main.addFault({ sector: 20, on: 'write' });
  const backup = Number(it.set.facts.header.backup_table);
  it.spare.addFault({ sector: backup, count: 512 - backup, on: 'write' });
  await it.set.device.write(at(20), data(6), false);
  await it.set.device.flush();
  assert.equal([it.set.facts.isWhole, it.set.facts.unsaved], [false, 0]);
  assert.equal([...remapped(it).subarray(20 * SECTOR, 20 * SECTOR + 1)], [6]);
  const error: unknown = await it.set.unremap(sectors(3)).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError && error.code === 'io');
  assert.is(it.set.lookup(sectors(3)).spare, 300);
  assert.equal((await readOf(it, 3))[1], 0);
  await it.set.close();
});

test('a spare that is gone costs nothing but what lives on it', async () => {
  const it = await stand({ entries: ENTRIES });
  it.spare.addFault({ sector: 0, count: 512, errno: 'ENXIO' });
  it.spare.failFlushes();
  await it.set.device.write(at(50), data(4), true);
  await it.set.device.flush();
  assert.equal(await readOf(it, 50), [4, 0]);
  assert.equal((await readOf(it, 3))[1], 1);
  it.main.addFault({ sector: 51, on: 'write' });
  assert.is((await refused(it.set.device.write(at(51), data(1), false), 'EIO')).at, 0);
  it.main.addFault({ sector: 52, on: 'read' });
  await it.set.device.read(at(52), data(0));
  assert.is(it.set.facts.read_errors, 1);
  await it.set.device.flush();
  const closed: unknown = await it.set.close().catch((thrown: unknown) => thrown);
  assert.ok(closed instanceof DmremapError, 'a set that cannot be marked as clean is told');
});

test('a spare that is away loses no places, however often it is asked for one', async () => {
  const it = await stand({ entries: ENTRIES });
  const { freeSectors } = it.set.facts;
  it.main.addFault({ sector: 20, on: 'write' });
  it.spare.addFault({ sector: 0, count: 512 });
  for (let tries = 0; tries < 200; tries++) await refused(it.set.device.write(at(20), data(1), false), 'EIO');
  assert.is(it.set.facts.freeSectors, freeSectors);
  it.spare.clearFaults();
  await it.set.device.write(at(20), data(2), true);
  assert.equal([await readOf(it, 20), it.set.facts.freeSectors], [[2, 0], freeSectors - 1]);
  await it.set.close();
});

test('a spare that is full leaves the sector to main', async () => {
  const it = await stand({ maxEntries: 2, entries: ENTRIES });
  it.main.addFault({ sector: 20, on: 'both' });
  assert.is((await refused(it.set.device.write(at(20), data(1), false), 'EIO')).at, 0);
  assert.ok(it.set.lookup(sectors(20)).isPending);
  it.main.clearFaults();
  await it.set.device.write(at(20), data(2), false);
  assert.equal([it.set.lookup(sectors(20)).isPending, await readOf(it, 20)], [false, [2, 0]]);
  await it.set.close();
});

test('a spare that was pulled is taken back, and with it what only memory had', async () => {
  const it = await stand({ entries: ENTRIES });
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), data(6), false);
  await it.set.device.write(at(90), data(7), false);
  // gone: what was written since the last flush never reached the medium
  const durable = it.spareMedium.content.slice(300 * SECTOR, 302 * SECTOR);
  it.spare.addFault({ sector: 0, count: 512, errno: 'ENXIO' });
  it.spare.failFlushes();
  await refused(it.set.device.flush(), 'EIO');
  const content = it.spareMedium.content.slice();
  content.set(durable.fill(0, SECTOR), 300 * SECTOR);
  const again = new MemoryDevice(content, { name: 'again' });
  await it.set.attach(again);
  await it.set.device.flush();
  assert.equal(
    [await readOf(it, 20), await readOf(it, 90)],
    [
      [6, 0],
      [7, 0],
    ],
  );
  await it.set.close();
  const found = remapped({ ...it, spareMedium: again });
  assert.equal(
    [20, 90].map((sector) => found[sector * SECTOR]),
    [6, 7],
  );
});

test('a spare is taken back while requests hang, on the old one and on main; others go on', async () => {
  const it = await stand({ entries: ENTRIES });
  const { promise: answered, resolve: answer } = withResolvers();
  hang(it.spare, answered);
  hang(it.main, answered);
  const onSpare = it.set.device.read(at(3), new Uint8Array(SECTOR));
  const onMain = it.set.device.read(at(50), new Uint8Array(SECTOR));
  let isClosed = false;
  it.spare.close = async () => {
    isClosed = true;
  };
  unhang(it.main);
  const again = new MemoryDevice(it.spareMedium.content.slice(), { name: 'again' });
  await it.set.attach(again);
  await it.set.device.write(at(91), data(8), true);
  assert.equal(await readOf(it, 91), [8, 0]);
  assert.not.ok(isClosed, 'the old one is in use');
  answer();
  assert.equal(await Promise.all([onSpare, onMain]), [[], []]);
  await setImmediate();
  assert.ok(isClosed, 'the old one is closed once nobody uses it');
  await it.set.close();
});

test('while a commit hangs on the old spare none is attached, and that is told; then it is', async () => {
  const it = await stand({ entries: ENTRIES });
  const { promise: answered, resolve: answer } = withResolvers();
  const { flush } = it.spare;
  it.spare.flush = async () => {
    await answered;
    return flush.call(it.spare);
  };
  await it.set.device.write(at(3), data(5), false);
  const flushed = it.set.device.flush();
  const again = new MemoryDevice(it.spareMedium.content.slice(), { name: 'again' });
  await fails('busy', it.set.attach(again), /spare does not answer, and a commit waits for it/);
  answer();
  await flushed;
  await it.set.attach(new MemoryDevice(it.spareMedium.content, { name: 'again' }));
  await it.set.device.write(at(3), data(6), true);
  assert.equal(await readOf(it, 3), [6, 0]);
  await it.set.close();
});

test('entries are not loaded again while a request hangs, and others wait but for a while', async () => {
  const it = await stand({ entries: ENTRIES });
  const { promise: answered, resolve: answer } = withResolvers();
  hang(it.main, answered);
  const onMain = it.set.device.read(at(50), new Uint8Array(SECTOR));
  unhang(it.main);
  const restored = it.set.restore(false).catch((thrown: unknown) => thrown);
  assert.equal((await readOf(it, 3))[1], 0);
  const error = await restored;
  assert.ok(error instanceof DmremapError && error.code === 'busy', String(error));
  answer();
  await onMain;
  await it.set.restore(false);
  await it.set.close();
});

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What it is asked to read from now on it answers later. */
function hang(device: ErrorDevice, answered: Promise<void>): void {
  const { read } = device;
  device.read = async (...request) => {
    await answered;
    return read.apply(device, request);
  };
}

/** From now on it answers again. */
function unhang(device: ErrorDevice): void {
  Reflect.deleteProperty(device, 'read');
}

/** From this flush on it is gone: what was written before lies there. */
function pullAtFlush(spare: ErrorDevice): void {
  spare.flush = async () => {
    spare.addFault({ sector: 0, count: 512, errno: 'ENXIO' });
    throw new DeviceError(spare.name, 'flush', 'ENXIO', undefined);
  };
}

test('a spare pulled in the midst of a commit that drops an entry is taken back, entry and all', async () => {
  const it = await stand({ entries: [...ENTRIES, [91, 302]] });
  await it.set.device.write(at(3), data(5), true);
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), data(6), true);
  pullAtFlush(it.spare);
  const error: unknown = await it.set.unremap(sectors(3)).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError && error.code === 'io');
  const again = new MemoryDevice(it.spareMedium.content.slice(), { name: 'again' });
  const { truth } = judge(Buffer.from(again.content));
  assert.not.ok(
    truth?.some(([main]) => main === 3),
    'there it is dropped',
  );
  await it.set.attach(again);
  assert.equal([await readOf(it, 3), it.set.lookup(sectors(3)).spare], [[5, 0], 300]);
  for (const [sector, fill] of [
    [3, 9],
    [91, 8],
  ] as const)
    await it.set.device.write(at(sector), data(fill), true);
  await it.set.close();
  const found = remapped({ ...it, spareMedium: again });
  assert.equal(
    [3, 20, 91].map((sector) => found[sector * SECTOR]),
    [9, 6, 8],
  );
});

test('another spare, or one that has missed a commit, is not taken for it', async () => {
  const it = await stand({ entries: ENTRIES });
  const before = it.spareMedium.content.slice();
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), data(6), true);
  const other = buildImage({
    ...{ layout: 'redundant', sectors: 512, maxEntries: 200, entries: ENTRIES, mainSectors: 256 },
    fields: { spare_uuid: Buffer.alloc(16, 3) },
  });
  for (const [content, code] of [
    [before, 'changed-since'],
    [new Uint8Array(other), 'wrong-device'],
  ] as const) {
    const error: unknown = await it.set.attach(new MemoryDevice(content)).catch((thrown: unknown) => thrown);
    assert.is(error instanceof DmremapError && error.code, code);
  }
  assert.equal(await readOf(it, 20), [6, 0]);
  await it.set.close();
});
