import { readFileSync, writeFileSync } from 'node:fs';
import { ConcurrentFile } from '../../src/device/concurrent-file.js';
import { openDevice } from '../../src/device/open.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { bytes } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { assert, needs, skip, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { SECTOR, settings } from './stand.js';

/** Requests that are answered at once, among others that are not, against a shadow copy. */

const test = suite('requests answered at once');

const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SECTORS = 2048;

test('they take effect in turn with those that wait', async () => {
  if (!(await compareWithShadow('.'))) skip('needs a file system that answers at once');
});

test('they do where files lie in memory', async () => {
  needs('root');
  scratch.mount('-t', 'tmpfs', 'tmpfs', scratch.folderAt('memory'));
  assert.ok(await compareWithShadow('memory'));
});

/** Serves images in this folder; false where no read was answered at once. */
async function compareWithShadow(folder: string): Promise<boolean> {
  const main = scratch.image(`${folder}/main.img`, SECTORS * SECTOR);
  const entries = Array.from({ length: 500 }, (_, index): Entry => [index * 4 + 1, 1000 + index]);
  const spare = scratch.path(`${folder}/spare.img`);
  writeFileSync(spare, buildImage({ layout: 'redundant', sectors: 2048, entries, mainSectors: SECTORS }));
  const open = async (path: string) =>
    ConcurrentFile.open(await openDevice(path, { mode: 'exclusive' }), 'writeback');
  const { device, close } = await RemapSet.open(await open(main), await open(spare), settings()).then(
    (set) => ({
      device: set.device,
      close: () => set.close(),
    }),
  );
  const shadow = readFileSync(main);
  const image = readFileSync(spare);
  for (const [sector, place] of entries)
    image.copy(shadow, Number(sector) * SECTOR, Number(place) * SECTOR, (Number(place) + 1) * SECTOR);
  const random = new Random(3);
  const done = { read: 0, write: 0 };
  const waiting: Promise<void>[] = [];
  for (let count = 0; count < 6000; count++) {
    const at = random.below(SECTORS - 32) * SECTOR + (random.chance(0.2) ? random.below(SECTOR) : 0);
    const length = random.chance(0.2) ? random.between(1, 9000) : SECTOR * random.between(1, 16);
    const place = bytes(at);
    if (random.chance(0.5)) {
      const into = Buffer.alloc(length);
      const expected = Buffer.from(shadow.subarray(at, at + length));
      const compare = () => assert.is(Buffer.compare(into, expected), 0, `${length} bytes at ${at}`);
      if (device.tryRead(place, into)) {
        done.read++;
        compare();
      } else waiting.push(device.read(place, into).then(compare));
    } else {
      const data = random.bytes(length);
      data.copy(shadow, at);
      if (device.tryWrite(place, data)) done.write++;
      else waiting.push(device.write(place, data, false));
    }
    if (random.chance(0.1)) await Promise.all(waiting.splice(0));
  }
  await Promise.all(waiting);
  await close();
  const { truth } = judge(readFileSync(spare));
  const [mainNow, spareNow] = [readFileSync(main), readFileSync(spare)];
  for (const [sector, at] of truth ?? [])
    spareNow.copy(mainNow, sector * SECTOR, at * SECTOR, (at + 1) * SECTOR);
  assert.is(Buffer.compare(mainNow, shadow), 0);
  if (done.read === 0) return false;
  assert.ok(done.read > 100 && done.write > 100, `${done.read} reads, ${done.write} writes`);
  return true;
}
