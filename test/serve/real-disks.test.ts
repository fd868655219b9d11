import { readFileSync, writeFileSync } from 'node:fs';
import { ConcurrentFile } from '../../src/device/concurrent-file.js';
import { openDevice } from '../../src/device/open.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { bytes, sectors } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { FailingDisk } from './failing-disk.js';
import { SECTOR, settings } from './stand.js';

/** The remapped device over files of this system, one of which truly fails and hangs. */

const test = suite('remap device on real disks');

const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SECTORS = 4096;
const SIZE = SECTORS * SECTOR;

async function openSet(main: string, entries: readonly Entry[] = []) {
  const spare = `${main}.spare`;
  writeFileSync(
    spare,
    buildImage({ layout: 'redundant', sectors: 4096, entries, mainSectors: SECTORS, maxEntries: 1000 }),
  );
  const devices = [
    await ConcurrentFile.open(await openDevice(main, { mode: 'exclusive' }), 'writeback'),
    await ConcurrentFile.open(await openDevice(spare, { mode: 'exclusive' }), 'writeback'),
  ] as const;
  return { set: await RemapSet.open(...devices, settings()), spare };
}

const at = (sector: number) => bytes(sector * SECTOR);
const filled = (count: number, fill: number) => new Uint8Array(count * SECTOR).fill(fill);

test('a disk with true EIO: writes move, reads lack exactly their sectors', async () => {
  needs('root', 'nbdkit', 'nbdfuse', 'fusermount3', '/dev/fuse');
  const content = scratch.image('content.img', SIZE);
  const numbers = readFileSync(content);
  const disk = await FailingDisk.start(scratch, content, SIZE);
  const { set, spare } = await openSet(disk.path);
  disk.set({ read: [100 * SECTOR, 102 * SECTOR], write: [200 * SECTOR, 204 * SECTOR] });
  await set.device.write(at(196), filled(16, 5), false);
  await set.device.flush();
  assert.equal([set.facts.remapped, set.facts.write_errors, set.facts.unsaved], [4, 4, 0]);
  const into = filled(16, 0);
  assert.equal(await set.device.read(at(196), into), []);
  assert.ok(into.every((byte) => byte === 5));
  const lacks = await set.device.read(at(96), into);
  assert.equal(
    lacks.map(({ at: from, length, errno }) => [from / SECTOR, length, errno]),
    [
      [4, SECTOR, 'EIO'],
      [5, SECTOR, 'EIO'],
    ],
  );
  assert.equal(into.subarray(0, 4 * SECTOR), numbers.subarray(at(96), at(100)));
  assert.equal(into.subarray(6 * SECTOR), numbers.subarray(at(102), at(112)));
  // whole again, it is read again
  disk.set({});
  assert.equal(await set.device.read(at(96), into), []);
  assert.equal([set.facts.pending, set.facts.read_errors], [0, 2]);
  await set.close();
  assert.equal(
    judge(readFileSync(spare)).truth?.map(([main]) => main),
    [200, 201, 202, 203],
  );
  assert.equal(readFileSync(content).subarray(at(204), at(212)), Buffer.alloc(8 * SECTOR, 5));
});

test('more reads than any pool has threads hang, and nobody else waits', async () => {
  needs('root', 'nbdkit', 'nbdfuse', 'fusermount3', '/dev/fuse');
  const content = scratch.image('hanging.img', SIZE);
  const disk = await FailingDisk.start(scratch, content, SIZE);
  const entries = Array.from({ length: 200 }, (_, index): Entry => [index, 2000 + index]);
  const { set } = await openSet(disk.path, entries);
  disk.set({ slow: [1000 * SECTOR, SIZE, 100] });
  const hanging = Array.from({ length: 1500 }, (_, index) => set.device.read(at(1000 + index), filled(1, 0)));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const times: number[] = [];
  for (let count = 0; count < 300; count++) {
    const sector = count % 200;
    const began = performance.now();
    if (count % 3 === 0) await set.device.write(at(sector), filled(1, count), count % 30 === 0);
    else assert.equal(await set.device.read(at(sector), filled(1, 0)), []);
    times.push(performance.now() - began);
  }
  await set.save();
  times.sort((a, b) => a - b);
  const [median = 0, late = 0] = [times[150], times[297]];
  console.log(`median ${median.toFixed(2)} ms, p99 ${late.toFixed(2)} ms`);
  assert.ok(median < 5 && late < 50, `median ${median} ms, p99 ${late} ms`);
  disk.pull();
  const ends = await Promise.all(hanging);
  assert.ok(ends.every((lacks) => lacks.length > 0));
  const closed: unknown = await set.close().catch((error: unknown) => error);
  assert.ok(closed === undefined || closed instanceof Error);
  assert.is(set.lookup(sectors(0)).spare, 2000);
});
