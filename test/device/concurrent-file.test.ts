import { closeSync, openSync, readFileSync } from 'node:fs';
import type { AsyncIo } from '../../src/device/async-io.js';
import { type CacheMode, ConcurrentFile } from '../../src/device/concurrent-file.js';
import { dataFrom } from '../../src/device/holes.js';
import { openDevice } from '../../src/device/open.js';
import { poolIo } from '../../src/device/pool-io.js';
import { forgetCache } from '../../src/device/syscalls.js';
import { uringIo } from '../../src/device/uring.js';
import { DeviceError } from '../../src/errors.js';
import { BufferPool } from '../../src/server/buffer-pool.js';
import { bytes } from '../../src/units.js';
import { assert, needs, skip, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { Scratch } from './scratch.js';

/** Many requests at a time on files and block devices, through the page cache and past it. */

const test = suite('concurrent file');

const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SIZE = 1 << 22;
const SECTOR = 512;

let images = 0;

function image(): string {
  return scratch.image(`image-${images++}`, SIZE);
}

async function open(path: string, cache: CacheMode, io?: AsyncIo): Promise<ConcurrentFile> {
  return ConcurrentFile.open(await openDevice(path, { mode: 'exclusive' }), cache, io);
}

/** Writes and reads in many places at a time; nothing overlaps, so everything is known. */
async function exercise(device: ConcurrentFile, path: string): Promise<void> {
  const random = new Random(7);
  const expected = readFileSync(path);
  const places: [from: number, end: number][] = [];
  for (let from = 0; from < SIZE; ) {
    const end = Math.min(SIZE, from + SECTOR * random.between(1, random.chance(0.1) ? 1200 : 20));
    places.push([from, end]);
    from = end;
  }
  const aligned =
    device.logicalBlockSize === SECTOR ? places : places.map(([from, end]) => around(from, end));
  await Promise.all(
    aligned.map(async ([from, end], index) => {
      if (index % 3 === 0) {
        const data = room(index, end - from);
        data.set(random.bytes(end - from));
        expected.set(data, from);
        await device.write(bytes(from), data);
      }
    }),
  );
  await Promise.all(
    places.map(async ([from, end], index) => {
      const into = room(index, end - from);
      await device.read(bytes(from), into);
      assert.is(Buffer.compare(into, expected.subarray(from, end)), 0, `bytes from ${from} to ${end}`);
    }),
  );
  await device.flush();
  await device.close();
  assert.is(Buffer.compare(readFileSync(path), expected), 0);
}

/** Memory anywhere, at the beginning of a page, or behind a sector of it. */
function room(index: number, length: number): Uint8Array {
  const lent = new BufferPool(SIZE, { tight: () => undefined, eased: () => undefined });
  const skip = index % 4 === 1 ? SECTOR : 0;
  return index % 2 === 0
    ? new Uint8Array(length)
    : lent.take(length + skip + 1).subarray(skip, skip + length);
}

/** In whole blocks of 4096, no two of which overlap. */
function around(from: number, end: number): [number, number] {
  return [Math.ceil(from / 4096) * 4096, Math.max(Math.ceil(end / 4096), Math.ceil(from / 4096)) * 4096];
}

for (const [name, io] of [
  ['io_uring', uringIo()],
  ['a pool of threads', poolIo],
] as const) {
  test(`an image through the page cache and past it, by ${name}`, async () => {
    if (io === undefined) skip('needs io_uring');
    for (const cache of ['writeback', 'direct'] as const) {
      const path = image();
      await exercise(await open(path, cache, io), path);
    }
  });
}

test('a block device past the page cache', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const path = image();
  await exercise(await open(scratch.loop(path, '--direct-io=on'), 'direct'), path);
});

test('a block device of 4096-byte blocks takes and gives single sectors', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const path = image();
  const before = readFileSync(path);
  const device = await open(scratch.loop(path, '--sector-size=4096'), 'direct');
  await device.write(bytes(3 * SECTOR), new Uint8Array(9 * SECTOR).fill(1));
  const into = new Uint8Array(SECTOR);
  await device.read(bytes(13 * SECTOR), into);
  assert.is(Buffer.compare(into, before.subarray(13 * SECTOR, 14 * SECTOR)), 0);
  before.fill(1, 3 * SECTOR, 12 * SECTOR);
  await device.flush();
  await exercise(device, path);
});

test('what the page cache has is there at once, to the byte', async () => {
  const path = image();
  const content = readFileSync(path);
  const device = await open(path, 'writeback');
  const into = Buffer.alloc(3000);
  if (!device.readAtOnce(1001, into, 7, 2500)) skip('needs preadv2 with RWF_NOWAIT here');
  assert.is(Buffer.compare(into.subarray(7, 2507), content.subarray(1001, 3501)), 0);
  assert.equal([into[6], into[2507]], [0, 0]);
  assert.ok(!device.readAtOnce(SIZE - 100, into, 0, 200), 'beyond the end');
  await device.close();
});

test('pieces close together are there at once, each to the byte, unless one is not in memory', async () => {
  const path = image();
  const content = readFileSync(path);
  const device = await open(path, 'writeback');
  if (!device.readAtOnce(0, Buffer.alloc(SECTOR), 0, SECTOR)) skip('needs preadv2 with RWF_NOWAIT here');
  const [starts, ends]: [number[], number[]] = [[], []];
  const random = new Random(11);
  for (let at = 0, end = 0; at + 2 * SECTOR <= SIZE - 4096; at += SECTOR * random.between(3, 30)) {
    starts.push(at);
    end += SECTOR * random.between(1, 2);
    ends.push(end);
  }
  // behind what comes before it, and partly beyond the end
  starts.push(512, SIZE - 512);
  ends.push((ends.at(-1) ?? 0) + 700, (ends.at(-1) ?? 0) + 1700);
  const expected = Buffer.concat(starts.map((at, index) => content.subarray(at, at + lengthAt(ends, index))));
  const read = (): readonly number[] => {
    const missing: number[] = [];
    const into = Buffer.alloc(ends.at(-1) ?? 0);
    device.readPiecesAtOnce({ starts, ends }, into, (index) => missing.push(index));
    for (const [index, end] of ends.entries())
      if (!missing.includes(index)) {
        const from = end - lengthAt(ends, index);
        assert.is(Buffer.compare(into.subarray(from, end), expected.subarray(from, end)), 0, `${index}`);
      }
    return missing;
  };
  assert.equal(read(), [starts.length - 1]);
  await device.flush();
  const file = openSync(path, 'r');
  forgetCache(file, 0, SIZE);
  closeSync(file);
  const [first, end] = [1 << 20, 3 << 19];
  await device.read(bytes(first), room(0, end - first));
  const missing = read();
  if (missing[0] !== 0) skip('the memory that the file lies in cannot be told to forget it');
  const within = missing.filter(
    (index) => (starts[index] ?? 0) >= first && (starts[index] ?? 0) + 1024 <= end,
  );
  assert.equal(within, []);
  await device.close();
});

function lengthAt(ends: readonly number[], index: number): number {
  return (ends[index] ?? 0) - (ends[index - 1] ?? 0);
}

test('zeros are made without sending them', async () => {
  const path = image();
  const device = await open(path, 'writeback', uringIo());
  if (!(await device.zero(bytes(8192), 1 << 20, true))) skip('needs io_uring and a file system with holes');
  assert.is(await dataFrom(device, 8192, 512), 8192 + (1 << 20));
  assert.ok(await device.zero(bytes(512), 512, false));
  await device.close();
  const content = readFileSync(path);
  assert.ok(content.subarray(8192, 8192 + (1 << 20)).every((byte) => byte === 0));
  assert.ok(content.subarray(512, 1024).every((byte) => byte === 0) && content.readUInt32LE(1024) !== 0);
});

test('a request that fails names its place', async () => {
  const device = await open(image(), 'writeback');
  for (const [at, errno, work] of [
    [SIZE, 'EINVAL', (place: number) => device.read(bytes(place), new Uint8Array(SECTOR))],
    [SIZE, 'ENOSPC', (place: number) => device.write(bytes(place), new Uint8Array(SECTOR))],
    [7, 'EINVAL', (place: number) => device.read(bytes(place), new Uint8Array(SECTOR))],
  ] as const) {
    const error: unknown = await work(at).catch((thrown: unknown) => thrown);
    assert.instance(error, DeviceError);
    if (error instanceof DeviceError)
      assert.equal([error.errno, error.sector], [errno, Math.floor(at / SECTOR)]);
  }
  await device.close();
});

test('thousands of requests at a time all come to their end', async () => {
  const path = image();
  const device = await open(path, 'direct');
  const reads = Array.from({ length: 9000 }, (_, index) =>
    device.read(bytes((index % 8000) * SECTOR), new Uint8Array(SECTOR)),
  );
  await Promise.all(reads);
  await device.close();
});
