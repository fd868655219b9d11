import { constants, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileDevice } from '../../src/device/file-device.js';
import { openDevice } from '../../src/device/open.js';
import { formatDeviceNumber, statOf } from '../../src/device/sysfs.js';
import { bytes } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';
import { fails, numbered, Scratch } from './scratch.js';

/**
 * Devices below a mapping: loop devices, of which a made-up sysfs says that a mapping lies over them. Somebody has
 * claimed them as a mapping does, and the image behind them changes past their page cache.
 */

const test = suite('openDevice below a mapping');
const MiB = 1 << 20;
const BELOW = '253:0';

let scratch: Scratch;
let machine: MadeUpMachine;
let loop: string;
let image: string;
let claimed: FileHandle;
test.before(() => needs('root', 'losetup', '/dev/loop-control'));
test.beforeEach(async () => {
  scratch = new Scratch();
  machine = new MadeUpMachine();
  image = scratch.image('device.img', MiB);
  loop = scratch.loop(image);
  const number = formatDeviceNumber(statOf(loop)?.rdev ?? 0n);
  const name = loop.replace('/dev/', '');
  machine.disk(name, { number, sectors: MiB / 512 }).disk('dm-0', {
    number: BELOW,
    slaves: [name],
    files: { 'dm/name': 'own\n', 'dm/uuid': 'DMREMAP-plain\n' },
  });
  claimed = await open(loop, constants.O_RDWR | constants.O_EXCL);
});
test.afterEach(async () => {
  await claimed.close();
  scratch.cleanUp();
  machine.cleanUp();
});

const below = (number = BELOW): Promise<FileDevice> =>
  openDevice(loop, { mode: 'exclusive', below: number, roots: machine.roots });

test('the claim of the mapping is no obstacle, that of others is', async () => {
  const above = openDevice(loop, { mode: 'exclusive', roots: machine.roots });
  const { hint } = await fails('busy', above, /part of dm-0 \(own\)/);
  assert.match(hint ?? '', /dmsetup suspend own, then dmremap remap --held-by own$/);
  await fails('busy', below('253:9'), /part of dm-0 \(own\)/);
  const device = await below();
  assert.is(device.writable, true);
  await fails('busy', below(), /is in use/);
  await device.close();
});

test('whatever else uses the device is named', async () => {
  machine.disk('dm-1', { number: '253:1', slaves: ['dm-0'], files: { 'dm/name': 'above\n' } });
  const mounted = '31 1 253:1 / /mnt rw - ext4 /dev/mapper/above rw\n';
  machine.file('proc', 'self/mountinfo', mounted);
  await (await below()).close();
  machine.disk('dm-2', {
    number: '253:2',
    slaves: [loop.replace('/dev/', '')],
    files: { 'dm/name': 'other\n' },
  });
  await fails('busy', below(), /in use: part of dm-2 \(other\)$/);
});

test('what the mapping has written past the cache is read, and stays where its neighbours are written', async () => {
  const cached = Buffer.alloc(4096);
  await claimed.read(cached, 0, 4096, 8192);
  assert.equal(cached, numbered(4096, 16));
  const behind = await open(image, 'r+');
  await behind.write(Buffer.alloc(4096, 0xaa), 0, 4096, 8192);
  await behind.close();
  await claimed.read(cached, 0, 4096, 8192);
  assert.equal(cached, numbered(4096, 16), 'the cache of the device is older than the device');

  const device = await below();
  const into = Buffer.alloc(512);
  await device.read(bytes(8192), into);
  assert.equal(into, Buffer.alloc(512, 0xaa));
  await device.write(bytes(8192 + 512), Buffer.alloc(512, 0xbb));
  await device.flush();
  await device.close();
  const expected = Buffer.alloc(4096, 0xaa).fill(0xbb, 512, 1024);
  assert.equal(readFileSync(image).subarray(8192, 8192 + 4096), expected);
  await claimed.read(cached, 0, 4096, 8192);
  assert.equal(cached.subarray(512, 1024), Buffer.alloc(512, 0xbb), 'and the cache has what was written');
});
