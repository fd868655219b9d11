import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { searchHeaders } from '../../src/store/deep-search.js';
import { bytes } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, endPlace } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** Headers to which nothing points any more are found wherever a header can lie. */

const test = suite('searchHeaders');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const MIB = 2 ** 20;

test('a backup far from the end of a device whose primary is lost', async () => {
  const image = buildImage({
    layout: 'redundant',
    sectors: 2051,
    entries: [[1, 100]],
    tailBytes: Buffer.alloc(4 * MIB),
  });
  const old = endPlace(image.subarray(0, 2051 * 512));
  image.fill(0, 0, 4096);
  const found = await searchHeaders(new MemoryDevice(image));
  assert.equal(
    found.map(({ at, inPlace, header }) => [Number(at), inPlace, header.copy, header.entry_count]),
    [[old, true, 1, 1]],
  );
});

test('headers at every block, also around the pieces that are read', async () => {
  const image = Buffer.alloc(3 * MIB + 512);
  const places = [0, 4096, MIB - 4096, MIB, MIB + 4096, 2 * MIB, 3 * MIB - 4096];
  for (const place of places) image.write('DMREMAP3', place);
  // between blocks, and where no whole header fits any more
  image.write('DMREMAP3', 2 * MIB + 512);
  image.write('DMREMAP3', 3 * MIB);
  const told: number[] = [];
  const found = await searchHeaders(new MemoryDevice(image), (done) => told.push(done));
  assert.equal(
    found.map(({ at }) => Number(at)),
    places,
  );
  assert.equal(told, [MIB, 2 * MIB, 3 * MIB]);
});

test('a header that belongs elsewhere is told apart', async () => {
  const image = Buffer.alloc(256 * 512);
  const set = buildImage({ layout: 'redundant', sectors: 128, maxEntries: 1, entries: [] });
  set.copy(image, 0, endPlace(set));
  set.copy(image, 8192, endPlace(set));
  set.copy(image, endPlace(set), endPlace(set));
  const found = await searchHeaders(new MemoryDevice(image));
  assert.equal(
    found.map(({ at, inPlace }) => [Number(at), inPlace]),
    [
      [0, false],
      [8192, false],
      [endPlace(set), true],
    ],
  );
});

test('what cannot be read is passed over', async () => {
  const image = Buffer.alloc(2 * MIB);
  for (const place of [0, 8192, MIB]) image.write('DMREMAP3', place);
  const errors = new ErrorDevice(new MemoryDevice(image));
  errors.addFault({ sector: 16, on: 'read' });
  const found = await searchHeaders(errors);
  assert.equal(
    found.map(({ at }) => Number(at)),
    [0, MIB],
  );
});

test('the hole of an image file is not read', async () => {
  const path = scratch.path('hole.img');
  const file = openSync(path, 'w');
  const [at, size] = [2 ** 42, 2 ** 43];
  ftruncateSync(file, size);
  writeSync(file, 'DMREMAP3', at);
  closeSync(file);
  const device = await openDevice(path, { mode: 'read' });
  const told: number[] = [];
  const found = await searchHeaders(device, (done) => told.push(done), bytes(MIB));
  await device.close();
  assert.equal(
    found.map((one) => Number(one.at)),
    [at],
  );
  assert.equal(told.length, 1);
});
