import type { BlockDevice } from '../../src/device/block-device.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { readAround } from '../../src/device/read-around.js';
import { DeviceError } from '../../src/errors.js';
import { bytes } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { NBDFUSE_NEEDS, serveFile } from './nbdfuse.js';
import { fails, numbered, Scratch } from './scratch.js';

const test = suite('readAround');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MiB = 1 << 20;

/** Numbered sectors with these stretches (in sectors) as zeros. */
function without(size: number, first: number, ...gone: [number, number][]): Buffer {
  const content = numbered(size, first);
  for (const [sector, count] of gone) content.fill(0, (sector - first) * 512, (sector - first + count) * 512);
  return content;
}

test('nothing is wrong: one request', async () => {
  const log = new LogDevice(new MemoryDevice(numbered(MiB)));
  const into = Buffer.alloc(MiB - 512);
  assert.equal(await readAround(log, bytes(512), into), []);
  assert.equal(into, numbered(MiB - 512, 1));
  assert.equal(log.lines(), [`read 512+${MiB - 512}`]);
});

test('bad sectors are left out, all others are read', async () => {
  const errors = new ErrorDevice(new MemoryDevice(numbered(2 * MiB)));
  errors.addFault({ sector: 0 });
  errors.addFault({ sector: 100, count: 2, on: 'read' });
  errors.addFault({ sector: 102, errno: 'ENODATA' });
  errors.addFault({ sector: 300, on: 'write' });
  errors.addFault({ sector: 4095 });
  const into = Buffer.alloc(2 * MiB, 0xff);
  assert.equal(await readAround(errors, bytes(0), into), [
    { at: 0, length: 512, errno: 'EIO' },
    { at: 100 * 512, length: 1024, errno: 'EIO' },
    { at: 102 * 512, length: 512, errno: 'ENODATA' },
    { at: 4095 * 512, length: 512, errno: 'EIO' },
  ]);
  assert.equal(into, without(2 * MiB, 0, [0, 1], [100, 3], [4095, 1]));
});

test('a large bad stretch is one range', async () => {
  const errors = new ErrorDevice(new MemoryDevice(numbered(MiB)));
  errors.addFault({ sector: 77, count: 1500 });
  const into = Buffer.alloc(MiB, 0xff);
  assert.equal(await readAround(errors, bytes(0), into), [
    { at: 77 * 512, length: 1500 * 512, errno: 'EIO' },
  ]);
  assert.equal(into, without(MiB, 0, [77, 1500]));
});

test('a bad sector is met by few requests, and by itself only once', async () => {
  const inner = new ErrorDevice(new MemoryDevice(numbered(4 * MiB)));
  inner.addFault({ sector: 1000 });
  const log = new LogDevice(inner);
  await readAround(log, bytes(0), Buffer.alloc(4 * MiB));
  assert.is(inner.failed.reads, 4, 'whole, 64 KiB, 4 KiB, 512 bytes');
  assert.is(log.lines().filter((line) => line === `read ${1000 * 512}+512`).length, 1);
});

test('pieces never straddle a block of the medium', async () => {
  for (const logicalBlockSize of [512, 4096]) {
    const errors = new ErrorDevice(new MemoryDevice(numbered(MiB), { logicalBlockSize }));
    errors.addFault({ sector: 17 });
    const into = Buffer.alloc(20 * 512, 0xff);
    const bad = await readAround(errors, bytes(3 * 512), into);
    if (logicalBlockSize === 512) {
      assert.equal(bad, [{ at: 17 * 512, length: 512, errno: 'EIO' }]);
      assert.equal(into, without(20 * 512, 3, [17, 1]));
    } else {
      assert.equal(bad, [{ at: 16 * 512, length: 7 * 512, errno: 'EIO' }]);
      assert.equal(into, without(20 * 512, 3, [16, 7]));
    }
  }
});

test('a device that is gone is not asked again and again', async () => {
  const errors = new ErrorDevice(new MemoryDevice(numbered(MiB)));
  errors.addFault({ sector: 0, count: 2048, errno: 'ENODEV' });
  const into = Buffer.alloc(MiB, 0xff);
  assert.equal(await readAround(errors, bytes(0), into), [{ at: 0, length: MiB, errno: 'ENODEV' }]);
  assert.is(errors.failed.reads, 1);
  assert.equal(into, Buffer.alloc(MiB));
  errors.clearFaults();
  errors.addFault({ sector: 0 });
  errors.addFault({ sector: 512, count: 1536, errno: 'ENXIO' });
  assert.equal(await readAround(errors, bytes(0), into), [
    { at: 0, length: 512, errno: 'EIO' },
    { at: 512 * 512, length: 1536 * 512, errno: 'ENXIO' },
  ]);
});

test('an error that works the second time leaves nothing bad', async () => {
  const errors = new ErrorDevice(new MemoryDevice(numbered(8192)));
  errors.addFault({ sector: 3, times: 1 });
  const into = Buffer.alloc(8192);
  assert.equal(await readAround(errors, bytes(0), into), []);
  assert.equal(into, numbered(8192));
});

test('what is no device error is thrown', async () => {
  const broken: BlockDevice = Object.assign(new MemoryDevice(numbered(8192)), {
    read: () => Promise.reject(new TypeError('a bug')),
  });
  let thrown: unknown;
  await readAround(broken, bytes(0), Buffer.alloc(8192)).catch((error: unknown) => {
    thrown = error;
  });
  assert.instance(thrown, TypeError);
});

/** A file whose bytes from `from` on, `length` of them, truly cannot be read; every sector holds its number. */
function failingFile(from: number, length: number): Promise<string> {
  const content = scratch.image('content.img', MiB);
  const pread = `if [ $4 -lt ${from + length} ] && [ $(( $4 + $3 )) -gt ${from} ]; then echo EIO >&2; exit 1; fi
    dd if=${content} iflag=count_bytes,skip_bytes skip=$4 count=$3 status=none`;
  return serveFile(scratch, 'failing.img', ['eval', `get_size=echo ${MiB}`, `pread=${pread}`], 'read');
}

for (const kind of ['a file', 'a block device'] as const) {
  test(`true errors of ${kind}`, async () => {
    needs(...NBDFUSE_NEEDS);
    if (kind === 'a block device') needs('losetup', '/dev/loop-control');
    const file = await failingFile(150 * 512, 2 * 512);
    const path = kind === 'a file' ? file : scratch.loop(file, '--read-only', '--direct-io=on');
    const device = await openDevice(path, { mode: 'read' });
    try {
      const error = await fails('io', device.read(bytes(148 * 512), Buffer.alloc(2048)), /sector 148 .*EIO/);
      assert.instance(error, DeviceError);
      await fails('io', device.readPastCache(bytes(150 * 512), Buffer.alloc(512)), /sector 150 .*EIO/);
      const into = Buffer.alloc(256 * 1024, 0xff);
      // Through the page cache the whole page would be lost: sectors 144 to 151.
      assert.equal(await readAround(device, bytes(0), into), [{ at: 150 * 512, length: 1024, errno: 'EIO' }]);
      assert.equal(into, without(256 * 1024, 0, [150, 2]));
    } finally {
      await device.close();
    }
  });
}
