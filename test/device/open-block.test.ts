import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { openDevice } from '../../src/device/open.js';
import { readPastCache } from '../../src/device/past-cache.js';
import { bytes } from '../../src/units.js';
import { assert, needs, skip, suite } from '../support/harness.js';
import { fails, numbered, run, Scratch } from './scratch.js';

const test = suite('openDevice on block devices');
let scratch: Scratch;
test.before(() => needs('root', 'losetup', '/dev/loop-control'));
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MiB = 1 << 20;

test('sizes come from the kernel, whatever the logical block', async () => {
  for (const [block, options] of [
    [512, []],
    [4096, ['-b', '4096']],
  ] as const) {
    const image = scratch.image(`${block}.img`, 8 * MiB);
    const loop = scratch.loop(image, ...options);
    symlinkSync(loop, scratch.path(`link-${block}`));
    for (const mode of ['read', 'exclusive'] as const) {
      const device = await openDevice(scratch.path(`link-${block}`), { mode });
      try {
        assert.is(device.kind, 'block');
        assert.is(device.name, scratch.path(`link-${block}`));
        assert.is(device.realPath, loop);
        assert.match(device.deviceNumber ?? '', /^7:\d+$/);
        assert.is(device.size, 8 * MiB);
        assert.equal([device.logicalBlockSize, device.physicalBlockSize], [block, block]);
        assert.type(device.rotational, 'boolean');
        assert.is(device.unlocked, undefined);
        const into = Buffer.alloc(1024);
        await device.read(bytes(5 * 512), into);
        assert.equal(into, numbered(1024, 5));
        into.fill(0);
        assert.is(await readPastCache(device, bytes(5 * 512), into), true);
        assert.equal(into, numbered(1024, 5), 'also where the logical block is larger');
        assert.is(await device.nextData(bytes(512)), 512);
      } finally {
        await device.close();
      }
    }
  }
});

test('what is written and flushed is on the disk', async () => {
  const image = scratch.image('written.img', 2 * MiB);
  const device = await openDevice(scratch.loop(image, '-b', '4096'), { mode: 'exclusive' });
  await device.write(bytes(MiB), Buffer.alloc(8192, 0xcd));
  await device.write(bytes(512), Buffer.alloc(512, 0xab)); // part of a block only
  await device.flush();
  const into = Buffer.alloc(8192);
  assert.is(await device.readPastCache(bytes(MiB), into), true);
  assert.equal(into, Buffer.alloc(8192, 0xcd));
  assert.is(await device.invalidate(bytes(0), device.size), true);
  await device.close();
  const expected = numbered(2 * MiB);
  expected.fill(0xcd, MiB, MiB + 8192).fill(0xab, 512, 1024);
  assert.equal(readFileSync(image), expected);
});

test('a read-only device is read, and nothing else', async () => {
  const loop = scratch.loop(scratch.image('ro.img', MiB), '--read-only');
  const device = await openDevice(loop, { mode: 'read' });
  const into = Buffer.alloc(512);
  await device.read(bytes(512), into);
  assert.equal(into, numbered(512, 1));
  await device.close();
  const error = await fails('permission', openDevice(loop, { mode: 'exclusive' }), /read-only/);
  assert.match(error.hint ?? '', /blockdev --setrw/);
});

test('a mounted device is read, but never had', async () => {
  needs('mkfs.ext4', 'mount');
  const image = scratch.image('fs.img', 16 * MiB);
  const loop = scratch.loop(image);
  run('mkfs.ext4', '-q', '-F', loop);
  const point = scratch.folderAt('mounted here');
  const unmount = scratch.mount(loop, point);
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.match(error.message, `mounted on ${point}`);
  assert.equal(error.data['holders'], [{ kind: 'mount', name: `mounted on ${point}` }]);
  await (await openDevice(loop, { mode: 'read' })).close();
  // Neither is the image underneath.
  const under = await fails('busy', openDevice(image, { mode: 'exclusive' }));
  assert.match(under.message, `attached to ${loop}`);
  await (await openDevice(image, { mode: 'read' })).close();
  unmount();
  await (await openDevice(loop, { mode: 'exclusive' })).close();
});

test('an image that a loop device has is busy until it is detached', async () => {
  const image = scratch.image('attached.img', MiB);
  const loop = run('losetup', '--find', '--show', '--read-only', image).trim();
  const detach = scratch.atEnd(() => run('losetup', '-d', loop));
  symlinkSync(image, scratch.path('by-another-name'));
  const error = await fails('busy', openDevice(scratch.path('by-another-name'), { mode: 'exclusive' }));
  assert.equal(error.data['holders'], [{ kind: 'loop', name: `attached to ${loop}` }]);
  detach();
  await (await openDevice(image, { mode: 'exclusive' })).close();
});

test('a loop device over a loop device', async () => {
  const below = scratch.loop(scratch.image('nested.img', MiB));
  const above = scratch.loop(below);
  const error = await fails('busy', openDevice(below, { mode: 'exclusive' }));
  assert.equal(error.data['holders'], [{ kind: 'loop', name: `attached to ${above}` }]);
  await (await openDevice(above, { mode: 'exclusive' })).close();
});

test('had exclusively, it is busy for all others, ourselves included', async () => {
  const loop = scratch.loop(scratch.image('ours.img', MiB));
  const first = await openDevice(loop, { mode: 'exclusive' });
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.match(error.message, new RegExp(`locked by process ${process.pid}`));
  const reader = await openDevice(loop, { mode: 'read' });
  await reader.close();
  await first.close();
  await (await openDevice(loop, { mode: 'exclusive' })).close();
});

test('a program that has claimed the device without a lock is named', async () => {
  const loop = scratch.loop(scratch.image('claimed.img', MiB));
  const code = `fs.openSync(${JSON.stringify(loop)}, fs.constants.O_RDWR | fs.constants.O_EXCL); console.log('ready'); setInterval(() => {}, 1000)`;
  const { child, stop } = await scratch.start(process.execPath, '-e', code);
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.match(error.message, `open in process ${child.pid}`);
  await stop();
  await (await openDevice(loop, { mode: 'exclusive' })).close();
});

test('swap', async () => {
  needs('mkswap', 'swapon', 'swapoff');
  const loop = scratch.loop(scratch.image('swap.img', 4 * MiB));
  run('mkswap', loop);
  run('swapon', '--priority', '0', loop);
  const off = scratch.atEnd(() => run('swapoff', loop));
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.equal(error.data['holders'], [{ kind: 'swap', name: 'used as swap' }]);
  off();
});

test('a partition that is mounted keeps its disk busy, and is named', async () => {
  needs('partx', 'sgdisk', 'mkfs.ext4', 'mount');
  const loop = scratch.loop(scratch.image('parted.img', 32 * MiB));
  run('sgdisk', '--clear', '--new=1:2048:+8M', '--new=2:0:+8M', loop);
  run('partx', '--add', loop);
  scratch.atEnd(() => run('partx', '--delete', loop));
  run('mkfs.ext4', '-q', '-F', `${loop}p1`);
  const point = scratch.folderAt('p1');
  const unmount = scratch.mount(`${loop}p1`, point);
  const name = loop.slice('/dev/'.length);
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.equal(error.data['holders'], [
    { kind: 'partition-mounted', name: `partition ${name}p1 mounted on ${point}` },
  ]);
  const second = await openDevice(`${loop}p2`, { mode: 'exclusive' });
  assert.is(second.size, 8 * MiB);
  assert.is(second.logicalBlockSize, 512);
  await second.close();
  unmount();
});

test('a loop device with nothing attached', async () => {
  // The last one: losetup takes the first.
  const free = readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .filter((name) => readFileSync(`/sys/block/${name}/size`, 'utf8').trim() === '0')
    .at(-1);
  if (free === undefined) return skip('needs a free loop device');
  await fails(
    'no-such-device',
    openDevice(`/dev/${free}`, { mode: 'read' }),
    /no medium|nothing is attached/,
  );
});

test('without sysfs the size is still found', async () => {
  const loop = scratch.loop(scratch.image('nosys.img', MiB));
  const device = await openDevice(loop, { mode: 'read', roots: { sysfs: '/nonexistent' } });
  assert.equal([device.size, device.logicalBlockSize], [MiB, 512]);
  await device.close();
});

test('a device number that nothing stands behind', async () => {
  const node = scratch.path('node');
  run('mknod', node, 'b', '240', '77');
  await fails('no-such-device', openDevice(node, { mode: 'read' }), /ENXIO|ENODEV|EPERM|no device/);
});
