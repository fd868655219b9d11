import { readFileSync } from 'node:fs';
import type { AsyncIo } from '../../src/device/async-io.js';
import type { BlockDevice } from '../../src/device/block-device.js';
import { type CacheMode, ConcurrentFile } from '../../src/device/concurrent-file.js';
import { openDevice } from '../../src/device/open.js';
import { type Part, readParts, writeParts } from '../../src/device/parts.js';
import { poolIo } from '../../src/device/pool-io.js';
import { uringIo } from '../../src/device/uring.js';
import { BufferPool } from '../../src/server/buffer-pool.js';
import { bytes } from '../../src/units.js';
import { assert, needs, skip, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { NBDFUSE_NEEDS, serveFile } from './nbdfuse.js';
import { Scratch } from './scratch.js';

/** The parts of a request as one: the same bytes as each for itself, and what fails is told of each. */

const test = suite('parts');

const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const SIZE = 1 << 22;
const SECTOR = 512;
/** Bytes of a request. */
const LENGTH = 1 << 18;

let images = 0;

async function open(path: string, cache: CacheMode, io?: AsyncIo): Promise<ConcurrentFile> {
  return ConcurrentFile.open(await openDevice(path, { mode: 'exclusive' }), cache, io);
}

/** Parts of a request, with gaps in it and on the device; no two of them overlap. */
function partsFrom(random: Random, start: number): Part[] {
  const parts: Part[] = [];
  for (let from = 0, at = start; ; ) {
    const length = SECTOR * random.between(1, 30);
    if (from + length > LENGTH || at + length > SIZE) return parts;
    parts.push({ at: bytes(at), from, length });
    from += length + SECTOR * random.between(0, 3);
    at += length + SECTOR * random.between(0, 9);
  }
}

/** Memory at the beginning of a page, or a byte behind it. */
function room(isAligned: boolean): Uint8Array {
  const lent = new BufferPool(SIZE, { tight: () => undefined, eased: () => undefined });
  const skipped = isAligned ? 0 : 1;
  return lent.take(LENGTH + 1).subarray(skipped, LENGTH + skipped);
}

async function exercise(device: BlockDevice, path: string): Promise<void> {
  const random = new Random(5);
  const expected = readFileSync(path);
  for (let round = 0; round < 12; round++) {
    const parts = partsFrom(random, SECTOR * random.between(0, 4000));
    const request = room(round % 3 > 0);
    request.set(random.bytes(LENGTH));
    for (const { at, from, length } of parts) expected.set(request.subarray(from, from + length), at);
    assert.equal(await writeParts(device, parts, request), []);
    const back = room(round % 2 > 0).fill(7);
    const wanted = back.slice();
    for (const { at, from, length } of parts) wanted.set(expected.subarray(at, at + length), from);
    assert.equal(await readParts(device, parts, back), []);
    assert.is(Buffer.compare(back, wanted), 0, `round ${round}, and nothing between the parts`);
  }
  await device.flush();
  assert.is(Buffer.compare(readFileSync(path), expected), 0);
}

for (const [name, io] of [
  ['io_uring', uringIo()],
  ['a pool of threads', poolIo],
] as const)
  for (const cache of ['writeback', 'direct'] as const)
    test(`of an image, ${cache}, by ${name}`, async () => {
      if (io === undefined) skip('needs io_uring');
      const path = scratch.image(`image-${images++}`, SIZE);
      const device = await open(path, cache, io);
      await exercise(device, path);
      assert.equal(await readParts(device, [], new Uint8Array(0)), []);
      await device.close();
    });

test('of a block device of 4096-byte blocks', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const path = scratch.image(`image-${images++}`, SIZE);
  const device = await open(scratch.loop(path, '--sector-size=4096'), 'direct');
  const expected = readFileSync(path).subarray(0, 24 * SECTOR);
  const parts = [
    { at: bytes(SECTOR), from: 0, length: 3 * SECTOR },
    { at: bytes(8 * SECTOR), from: 3 * SECTOR, length: 8 * SECTOR },
    { at: bytes(18 * SECTOR), from: 11 * SECTOR, length: SECTOR },
  ];
  const into = room(true).subarray(0, 12 * SECTOR);
  assert.equal(await readParts(device, parts, into), []);
  for (const { at, from, length } of parts)
    assert.is(Buffer.compare(into.subarray(from, from + length), expected.subarray(at, at + length)), 0);
  await device.close();
});

test('writes to one block of 4096 bytes do not undo each other', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const path = scratch.image(`image-${images++}`, SIZE);
  const expected = readFileSync(path);
  const device = await open(scratch.loop(path, '--sector-size=4096'), 'direct');
  for (let block = 0; block < 40; block++) {
    // around a sector that lives elsewhere: as parts of one request, and each for itself
    const hole = block % 8;
    const start = block * 8 * SECTOR;
    const data = new Uint8Array(8 * SECTOR).fill(block + 1);
    const parts = [
      { at: bytes(start), from: 0, length: hole * SECTOR },
      {
        at: bytes(start + (hole + 1) * SECTOR),
        from: (hole + 1) * SECTOR,
        length: (7 - hole) * SECTOR,
      },
    ].filter(({ length }) => length > 0);
    for (const { at, length } of parts) expected.fill(block + 1, at, at + length);
    if (block % 2 === 0) assert.equal(await writeParts(device, parts, data), []);
    else
      await Promise.all(
        parts.map(({ at, from, length }) => device.write(at, data.subarray(from, from + length))),
      );
  }
  await device.flush();
  await device.close();
  assert.is(Buffer.compare(readFileSync(path), expected), 0);
});

test('of a device that knows nothing of them', async () => {
  const path = scratch.image(`image-${images++}`, SIZE);
  const device = await openDevice(path, { mode: 'exclusive' });
  await exercise(device, path);
  await device.close();
});

test('a bad sector fails its own part alone, and is asked for once', async () => {
  needs(...NBDFUSE_NEEDS);
  const asked = scratch.path('asked');
  const path = await serveFile(
    scratch,
    'bad',
    [
      'eval',
      `get_size=echo ${SIZE}`,
      // $3 is the length, $4 the offset
      `pread=echo $3 $4 >> ${asked}; if [ $4 -le 8192 ] && [ $(($4 + $3)) -gt 8192 ]; then echo EIO >&2; exit 1; fi; head -c $3 /dev/zero | tr '\\0' x`,
    ],
    'read',
  );
  const device = await ConcurrentFile.open(await openDevice(path, { mode: 'read' }), 'direct');
  const parts = [0, 8192, 16384, SIZE].map((at, index) => ({
    at: bytes(at),
    from: index * 4096,
    length: 4096,
  }));
  const into = room(true).subarray(0, 16384).fill(0);
  const requests = (): number => readFileSync(asked, 'utf8').split('\n').length;
  await readParts(device, parts.slice(0, 1), into);
  const before = requests();
  const failures = await readParts(device, parts.slice(0, 3), into);
  assert.equal(
    failures.map(({ part, error }) => [part.at, error.errno, error.sector]),
    [[8192, 'EIO', 16]],
  );
  assert.is(requests() - before, 3);
  const x = 'x'.charCodeAt(0);
  assert.ok(into.subarray(0, 4096).every((byte) => byte === x));
  assert.ok(into.subarray(8192, 12288).every((byte) => byte === x));
  // one that lies beyond the end keeps nobody from the others
  const [beyond, ...more] = await readParts(device, parts.slice(2), into);
  assert.equal([beyond?.part.at, beyond?.error.errno, more.length], [SIZE, 'EINVAL', 0]);
  await device.close();
});
