import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { ConcurrentFile } from '../../src/device/concurrent-file.js';
import { openDevice } from '../../src/device/open.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { ALLOCATION_FLAG } from '../../src/serve/served-device.js';
import { bytes } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { SECTOR, settings } from './stand.js';

/** Holes of main shine through, but for sectors that live on the spare. */

const test = suite('allocation');

const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SECTORS = 2048;
const HOLE = ALLOCATION_FLAG.HOLE | ALLOCATION_FLAG.ZERO;

test('holes and data follow each other; zeros and trims make holes', async () => {
  const [main, spare] = [scratch.path('main.img'), scratch.path('spare.img')];
  const fd = openSync(main, 'w');
  ftruncateSync(fd, SECTORS * SECTOR);
  writeSync(fd, Buffer.alloc(65536, 1), 0, 65536, 131072);
  closeSync(fd);
  const entries = [
    [16, 100],
    [17, 101],
  ] as const;
  writeFileSync(
    spare,
    buildImage({ layout: 'redundant', sectors: 512, maxEntries: 100, entries, mainSectors: SECTORS }),
  );
  const open = async (path: string) =>
    ConcurrentFile.open(await openDevice(path, { mode: 'exclusive' }), 'writeback');
  const set = await RemapSet.open(await open(main), await open(spare), settings());
  const { device } = set;
  assert.equal(await device.allocation(bytes(0), SECTORS * SECTOR), [
    { length: 16 * SECTOR, flags: HOLE },
    { length: 2 * SECTOR, flags: 0 },
    { length: 131072 - 18 * SECTOR, flags: HOLE },
    { length: 65536, flags: 0 },
    { length: SECTORS * SECTOR - 131072 - 65536, flags: HOLE },
  ]);
  assert.equal(await device.allocation(bytes(131072 + 100), 50), [{ length: 50, flags: 0 }]);
  await device.write(bytes(16 * SECTOR), new Uint8Array(SECTOR).fill(9), false);
  await device.writeZeroes(bytes(8192), 131072, { fua: false, mayPunch: true, fast: false });
  await device.trim(bytes(131072), 65536, true);
  assert.equal(await device.allocation(bytes(131072), 65536), [{ length: 65536, flags: HOLE }]);
  const into = new Uint8Array(131072).fill(1);
  assert.equal(await device.read(bytes(8192), into), []);
  assert.ok(into.every((byte) => byte === 0));
  await set.close();
});
