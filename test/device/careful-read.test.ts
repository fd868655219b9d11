import { readCarefully } from '../../src/device/careful-read.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { bytes } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { NBDFUSE_NEEDS, serveFile } from './nbdfuse.js';
import { fails, numbered, Scratch } from './scratch.js';

const test = suite('readCarefully');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

function disk(size: number, blockSize = 512): ErrorDevice {
  return new ErrorDevice(new MemoryDevice(numbered(size), { logicalBlockSize: blockSize }));
}

test('what fails a few times is read, what fails always is named and zero', async () => {
  const device = disk(65536);
  device.addFault({ sector: 20, times: 4 });
  device.addFault({ sector: 40, count: 2 });
  const into = Buffer.alloc(32768, 0xff);
  assert.equal(await readCarefully(device, bytes(512), into), [40, 41]);
  const expected = numbered(32768, 1);
  expected.fill(0, 39 * 512, 41 * 512);
  assert.equal(into, expected);
});

test('of a block that cannot be read all sectors are lost, and no other', async () => {
  const device = disk(65536, 4096);
  device.addFault({ sector: 21 });
  const into = Buffer.alloc(8192, 0xff);
  assert.equal(await readCarefully(device, bytes(8192), into), [16, 17, 18, 19, 20, 21, 22, 23]);
  assert.equal(into.subarray(4096), numbered(4096, 24));
});

test('a device that is gone has lost no sector: it is an error', async () => {
  const device = disk(65536);
  device.addFault({ sector: 20, errno: 'ENODEV' });
  await fails('io', readCarefully(device, bytes(0), Buffer.alloc(32768)), /ENODEV/);
});

test('a disk with true bad sectors', async () => {
  needs(...NBDFUSE_NEEDS);
  const image = scratch.image('disk.img', 1 << 20);
  const bad = `if [ $(($4 + $3)) -gt $((100 * 512)) ] && [ $4 -lt $((102 * 512)) ]; then echo EIO >&2; exit 1; fi`;
  const path = await serveFile(
    scratch,
    'disk',
    [
      'eval',
      'get_size=echo 1048576',
      `pread=${bad}; dd if=${image} iflag=skip_bytes,count_bytes skip=$4 count=$3 status=none`,
    ],
    'read',
  );
  const device = await openDevice(path, { mode: 'read' });
  const into = Buffer.alloc(131072);
  const lost = await readCarefully(device, bytes(0), into);
  await device.close();
  assert.ok(lost.includes(100 as never) && lost.includes(101 as never));
  assert.ok(
    lost.every((sector) => sector >= 96 && sector < 104),
    'at most the page around them',
  );
  const expected = numbered(131072);
  for (const sector of lost) expected.fill(0, sector * 512, (sector + 1) * 512);
  assert.equal(into, expected);
});
