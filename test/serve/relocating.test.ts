import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import type { Remapping } from '../../src/serve/sector-events.js';
import { RequestFailed } from '../../src/serve/served-device.js';
import { bytes, sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { remapped, SECTOR, type Stand, stand } from './stand.js';

/** Remapped sectors whose places on the spare take no more writes: they get others, and a commit makes that known. */

const test = suite('remap device relocating');

const ENTRIES = [
  [3, 300],
  [4, 301],
  [5, 302],
  [90, 310],
] as const;

const at = (sector: number) => bytes(sector * SECTOR);
const filled = (fill: number, count = 1) => new Uint8Array(count * SECTOR).fill(fill);

/** Where the metadata on a medium says that a sector lives. */
function placeOn({ content }: MemoryDevice, sector: number): number | undefined {
  const { truth } = judge(Buffer.from(content));
  return truth?.find(([main]) => main === sector)?.[1];
}

function placeOf({ set }: Stand, sector: number): number | undefined {
  return set.lookup(sectors(sector)).spare;
}

async function readOf({ set }: Stand, sector: number): Promise<number | undefined> {
  const into = filled(0xee);
  assert.equal(await set.device.read(at(sector), into), []);
  return into[0];
}

async function failureOf(work: Promise<unknown>): Promise<RequestFailed | DmremapError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RequestFailed || error instanceof DmremapError, 'nothing failed');
  return error;
}

/** What a reader finds who has nothing but the two media. */
function found(it: Stand, sector: number, spareMedium = it.spareMedium): number | undefined {
  return remapped({ ...it, spareMedium })[sector * SECTOR];
}

test('the client notices nothing, and the next flush makes the new place known in one commit', async () => {
  const it = await stand({ entries: ENTRIES });
  const { facts } = it.set;
  await it.set.device.write(at(3), filled(1), true);
  it.spare.addFault({ sector: 300, on: 'write' });
  await it.set.device.write(at(3), filled(2), false);
  const place = placeOf(it, 3);
  assert.equal([place === 300, placeOn(it.spareMedium, 3), found(it, 3)], [false, 300, 1]);
  assert.equal([await readOf(it, 3), it.set.facts.unsaved], [2, 1]);
  await it.set.device.flush();
  assert.equal([placeOn(it.spareMedium, 3), found(it, 3), it.set.facts.unsaved], [place, 2, 0]);
  const { header, freeSectors, remapped: count } = it.set.facts;
  assert.equal(
    [header.generation - facts.header.generation, freeSectors, count],
    [1, facts.freeSectors - 1, facts.remapped],
  );
  await it.set.close();
});

test('of many sectors only those move whose places fail', async () => {
  const it = await stand({ entries: ENTRIES });
  it.spare.addFault({ sector: 301, on: 'write' });
  await it.set.device.write(at(2), filled(7, 5), true);
  assert.equal([placeOf(it, 3), placeOf(it, 5)], [300, 302]);
  assert.is.not(placeOf(it, 4), 301);
  for (const sector of [2, 3, 4, 5, 6]) assert.equal([await readOf(it, sector), found(it, sector)], [7, 7]);
  await it.set.close();
});

test('a place that fails as well is passed over, and none of them is used again', async () => {
  const it = await stand({ entries: ENTRIES });
  const first = Number(it.set.facts.header.data_start);
  it.spare.addFault({ sector: 300, on: 'write' });
  it.spare.addFault({ sector: first, count: 2, on: 'write' });
  await it.set.device.write(at(3), filled(2), true);
  assert.is(placeOf(it, 3), first + 2);
  it.spare.clearFaults();
  await it.set.unremap(sectors(90));
  for (let sector = 100; it.set.facts.freeSectors > 0 && sector < 256; sector++)
    await it.set.remap(sectors(sector));
  const taken = (judge(Buffer.from(it.spareMedium.content)).truth ?? []).map(([, spare]) => spare);
  for (const bad of [300, first, first + 1]) assert.not.ok(taken.includes(bad), `${bad} was used again`);
  await it.set.close();
});

test('each sector that moves is told, also beside one that finds no place, and when a failed flush is made good', async () => {
  const told: Remapping[] = [];
  const it = await stand({ entries: ENTRIES, remapped: (remapping) => told.push(remapping) });
  const first = Number(it.set.facts.header.data_start);
  it.spare.addFault({ sector: 300, count: 2, on: 'write' });
  it.spare.addFault({ sector: first + 1, count: 3, on: 'write' });
  await failureOf(it.set.device.write(at(3), filled(1, 3), false));
  assert.equal([placeOf(it, 3), placeOf(it, 4)], [first, 301]);
  assert.equal(told.splice(0), [{ cause: 'spare', sector: 3, sectors: 1 }]);
  it.spare.clearFaults();
  await it.set.device.write(at(3), filled(2, 3), true);
  await it.set.device.write(at(90), filled(3), false);
  it.spare.failFlushes();
  await failureOf(it.set.device.flush());
  it.spare.clearFaults();
  it.spare.addFault({ sector: 310, on: 'write' });
  await it.set.device.flush();
  assert.is.not(placeOf(it, 90), 310);
  assert.equal(told, [{ cause: 'spare', sector: 90, sectors: 1 }]);
  assert.is(found(it, 90), 3);
  await it.set.close();
});

test('a sector that is new, one that moves twice, and one that goes back, all before a commit', async () => {
  const it = await stand({ entries: ENTRIES });
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), filled(1), false);
  for (const sector of [20, 3, 3, 90]) {
    it.spare.addFault({ sector: placeOf(it, sector) ?? 0, on: 'write' });
    await it.set.device.write(at(sector), filled(sector), false);
  }
  await it.set.unremap(sectors(90));
  await it.set.device.flush();
  for (const sector of [20, 3, 90]) assert.is(found(it, sector), sector, `sector ${sector}`);
  for (const sector of [20, 3]) assert.is(placeOn(it.spareMedium, sector), placeOf(it, sector));
  assert.is(placeOn(it.spareMedium, 90), undefined);
  await it.set.close();
});

test('a place that comes while a flush is under way is not made known by its commit, which does not cover it', async () => {
  const it = await stand({ entries: ENTRIES });
  it.main.addFault({ sector: 20, on: 'write' });
  for (const sector of [3, 20]) {
    await it.set.device.write(at(sector), filled(1), false);
    const before = placeOf(it, sector) as number;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      it.spare.flush = async () => {
        resolve();
        await ended;
        Reflect.deleteProperty(it.spare, 'flush');
      };
    });
    const flushed = it.set.device.flush();
    await begun;
    it.spare.addFault({ sector: before, on: 'write' });
    await it.set.device.write(at(sector), filled(2), false);
    end();
    await flushed;
    assert.equal([placeOn(it.spareMedium, sector), found(it, sector)], [before, 1]);
    assert.is(await readOf(it, sector), 2);
    await it.set.device.flush();
    assert.equal([placeOn(it.spareMedium, sector), found(it, sector)], [placeOf(it, sector), 2]);
  }
  await it.set.close();
});

test('where a new place could not be committed the write fails as it did', async () => {
  for (const layout of ['redundant', 'plain-ext'] as const) {
    const it = await stand({ entries: ENTRIES, layout });
    if (layout === 'redundant') {
      const backup = Number(it.set.facts.header.backup_table);
      it.spare.addFault({ sector: backup, count: 512 - backup, on: 'write' });
      await it.set.remap(sectors(50));
      assert.not.ok(it.set.facts.isWhole);
    }
    it.spare.addFault({ sector: 300, on: 'write' });
    const error = await failureOf(it.set.device.write(at(3), filled(2), false));
    assert.is(error instanceof RequestFailed && error.errno, 'EIO');
    assert.is(placeOf(it, 3), 300);
    await it.set.close();
  }
});

test('a copy that fails before the commit: FLUSH tells, what can be committed is, and attach mends it', async () => {
  const it = await stand({ entries: ENTRIES });
  it.spare.addFault({ sector: 300, on: 'write' });
  await it.set.device.write(at(3), filled(2), false);
  const backup = Number(it.set.facts.header.backup_table);
  it.spare.addFault({ sector: backup, count: 512 - backup, on: 'write' });
  it.main.addFault({ sector: 20, on: 'write' });
  await it.set.device.write(at(20), filled(6), false);
  assert.match((await failureOf(it.set.device.flush())).message, 'write failed');
  assert.match((await failureOf(it.set.device.flush())).message, 'copy cannot be written');
  assert.is(found(it, 20), 6);
  const again = new MemoryDevice(it.spareMedium.content.slice(), { name: 'again' });
  await it.set.attach(again);
  await it.set.device.flush();
  assert.equal([placeOn(again, 3), found(it, 3, again), await readOf(it, 3)], [placeOf(it, 3), 2, 2]);
  await it.set.close();
});

test('a spare pulled before or in the midst of the commit is taken back, with the new place', async () => {
  for (const moment of ['before', 'in the midst']) {
    const it = await stand({ entries: ENTRIES });
    it.spare.addFault({ sector: 300, on: 'write' });
    await it.set.device.write(at(3), filled(2), false);
    let flushes = 0;
    const { flush } = it.spare;
    it.spare.flush = async () => {
      // the data, then the backup copy; its flush fails though all of it lies there
      if (++flushes === 2) it.spare.failFlushes();
      return flush.call(it.spare);
    };
    if (moment === 'in the midst') await failureOf(it.set.device.flush());
    const content = it.spareMedium.content.slice();
    const again = new MemoryDevice(content, { name: 'again' });
    await it.set.attach(new ErrorDevice(again));
    await it.set.device.flush();
    assert.equal([placeOn(again, 3), found(it, 3, again)], [placeOf(it, 3), 2], moment);
    await it.set.close();
  }
});

test('restore does not forget a new place unless it is told to', async () => {
  const it = await stand({ entries: ENTRIES });
  await it.set.device.write(at(3), filled(1), true);
  it.spare.addFault({ sector: 300, on: 'write' });
  await it.set.device.write(at(3), filled(2), false);
  assert.match((await failureOf(it.set.restore(false))).message, '1 unsaved');
  await it.set.restore(true);
  assert.equal([placeOf(it, 3), await readOf(it, 3)], [300, 1]);
  await it.set.close();
});

test('what a failed flush took along is written to another place where its own fails', async () => {
  const it = await stand({ entries: ENTRIES });
  await it.set.device.write(at(3), filled(1), false);
  await it.set.device.write(at(90), filled(2), false);
  it.spare.failFlushes(1);
  await failureOf(it.set.device.flush());
  for (const sector of [300, 310]) it.spare.addFault({ sector, on: 'write' });
  await it.set.device.flush();
  for (const [sector, fill] of [
    [3, 1],
    [90, 2],
  ] as const)
    assert.equal([placeOn(it.spareMedium, sector), found(it, sector)], [placeOf(it, sector), fill]);
  await it.set.close();
});
