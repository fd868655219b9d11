import { linkSync } from 'node:fs';
import { openDevice } from '../../src/device/open.js';
import { type Medium, mediumRelation, sameMedium, samePhysicalDisk } from '../../src/device/same-medium.js';
import { assert, needs, suite } from '../support/harness.js';
import { MadeUpMachine } from './made-up-machine.js';
import { run, Scratch } from './scratch.js';

const test = suite('main and spare on one medium');
let machine: MadeUpMachine;
let scratch: Scratch;
test.beforeEach(() => {
  machine = new MadeUpMachine();
  scratch = new Scratch();
});
test.afterEach(() => {
  machine.cleanUp();
  scratch.cleanUp();
});

/** Opens devices just to know them. */
async function opened(...paths: string[]): Promise<Medium[]> {
  return Promise.all(
    paths.map(async (path) => {
      const device = await openDevice(path, { mode: 'read' });
      await device.close();
      return device;
    }),
  );
}

const block = (deviceNumber: string): Medium => ({ realPath: '', deviceNumber, dev: 5n, ino: 1n });
const relation = (a: string, b: string) => mediumRelation(block(a), block(b), machine.roots);
const oneDisk = (a: string, b: string) => samePhysicalDisk(block(a), block(b), machine.roots);

/** Two disks, partitions, volumes over them. */
function build(): void {
  machine.disk('sda', { number: '8:0' }).disk('sdb', { number: '8:16' });
  machine.partition('sda', 1, { number: '8:1', start: 2048, sectors: 4096 });
  machine.partition('sda', 2, { number: '8:2', start: 6144, sectors: 4096 });
  machine.partition('sdb', 1, { number: '8:17', start: 2048, sectors: 4096 });
  machine.disk('dm-0', { number: '253:0', slaves: ['sda2'] });
  machine.disk('dm-1', { number: '253:1', slaves: ['sda2', 'sdb1'] });
  machine.disk('dm-2', { number: '253:2', slaves: ['dm-0'] });
  machine.disk('md0', { number: '9:0', slaves: ['sda1', 'sdb1'] });
}

test('disks and partitions', () => {
  build();
  assert.is(relation('8:0', '8:0'), 'same');
  assert.is(relation('8:0', '8:16'), 'apart');
  assert.is(relation('8:1', '8:0'), 'inside');
  assert.is(relation('8:0', '8:1'), 'around');
  assert.is(relation('8:1', '8:2'), 'apart');
  assert.is(relation('8:1', '8:17'), 'apart', 'the same number on another disk');
  assert.is(oneDisk('8:1', '8:2'), true);
  assert.is(oneDisk('8:1', '8:17'), false);
  assert.is(oneDisk('8:0', '8:16'), false);
});

test('partitions that overlap', () => {
  build();
  machine.partition('sda', 3, { number: '8:3', start: 8000, sectors: 4096 });
  assert.is(relation('8:2', '8:3'), 'same');
  assert.is(relation('8:1', '8:3'), 'apart');
});

test('partitions of a loop device, and a loop device over one of them', () => {
  const image = scratch.image('disk.img', 8 << 20);
  const loop = (offset: number) => ({ 'loop/backing_file': `${image}\n`, 'loop/offset': `${offset}\n` });
  machine.disk('loop0', { number: '7:0', sectors: 16384, files: loop(0) });
  machine.partition('loop0', 1, { number: '259:0', start: 2048, sectors: 2048 });
  machine.partition('loop0', 2, { number: '259:1', start: 4096, sectors: 2048 });
  machine.disk('loop1', { number: '7:1', sectors: 2048, files: loop(2048 * 512) });
  assert.is(relation('259:0', '259:1'), 'apart');
  assert.is(relation('259:0', '7:1'), 'same', 'the same bytes of the image');
  assert.is(relation('259:1', '7:1'), 'apart');
});

test('volumes and arrays', () => {
  build();
  assert.is(relation('253:0', '8:2'), 'inside');
  assert.is(relation('8:0', '253:2'), 'around');
  assert.is(relation('253:2', '8:2'), 'inside');
  assert.is(relation('253:0', '253:1'), 'apart', 'two volumes of one group');
  assert.is(relation('253:0', '8:1'), 'apart');
  assert.is(relation('9:0', '8:17'), 'inside');
  assert.is(relation('9:0', '253:0'), 'apart');
  assert.is(oneDisk('253:0', '253:1'), true);
  assert.is(oneDisk('253:2', '8:17'), false);
  assert.is(oneDisk('9:0', '8:16'), true);
});

test('the paths of a multipath disk', () => {
  const device = { wwid: 'naa.5000c500a1b2c3d4\n' };
  machine
    .disk('sda', { number: '8:0', at: 'h/0:0:0:0', device })
    .disk('sdb', { number: '8:16', at: 'h/1:0:0:0', device });
  machine.partition('sda', 1, { number: '8:1' }).partition('sdb', 1, { number: '8:17' });
  machine.partition('sdb', 2, { number: '8:18', start: 99999 });
  machine.disk('dm-0', { number: '253:0', slaves: ['sda', 'sdb'] });
  assert.is(relation('8:0', '8:16'), 'same');
  assert.is(relation('8:1', '8:17'), 'same');
  assert.is(relation('8:1', '8:16'), 'inside');
  assert.is(relation('8:1', '8:18'), 'apart');
  assert.is(relation('253:0', '8:16'), 'inside');
});

test('a device that sysfs does not know', () => {
  assert.is(relation('8:0', '8:0'), 'same');
  assert.is(relation('8:0', '8:16'), 'apart');
  assert.is(oneDisk('8:0', '8:16'), false);
});

test('image files', async () => {
  scratch.image('a', 8192);
  scratch.image('b', 8192);
  linkSync(scratch.path('a'), scratch.path('hard link'));
  const [a, b, other] = await opened(scratch.path('a'), scratch.path('b'), scratch.path('hard link'));
  assert.ok(a && b && other);
  assert.is(mediumRelation(a, other), 'same');
  assert.is(mediumRelation(a, b), 'apart');
  assert.is(mediumRelation(a, block('8:0')), 'apart');
});

test('loop devices over images, over each other, and over parts', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'truncate');
  const image = scratch.image('image', 8 << 20);
  const other = scratch.image('other', 8 << 20);
  const whole = scratch.loop(image);
  const second = scratch.loop(image);
  const front = scratch.loop(image, '--sizelimit', '1048576');
  const rest = scratch.loop(image, '--offset', '1048576');
  const nested = scratch.loop(rest);
  const foreign = scratch.loop(other);
  const names = { image, whole, second, front, rest, nested, foreign };
  const media = new Map<string, Medium>();
  for (const [name, path] of Object.entries(names)) {
    const [device] = await opened(path);
    if (device !== undefined) media.set(name, device);
  }
  const lies = (a: string, b: string): string => {
    const [one, two] = [media.get(a), media.get(b)];
    assert.ok(one && two);
    return mediumRelation(one, two);
  };
  assert.is(lies('whole', 'image'), 'inside');
  assert.is(lies('image', 'nested'), 'around');
  assert.is(lies('whole', 'second'), 'same');
  assert.is(lies('whole', 'front'), 'same');
  assert.is(lies('front', 'rest'), 'apart');
  assert.is(lies('nested', 'rest'), 'inside');
  assert.is(lies('nested', 'foreign'), 'apart');
  assert.is(lies('foreign', 'image'), 'apart');
  const [one, two] = [media.get('nested'), media.get('whole')];
  assert.ok(one && two && sameMedium(one, two), 'over the same bytes, one above the other');
});

test('images share the disk of their file system, also when it is a loop device or btrfs', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mount', 'mkfs.ext4', 'mkfs.btrfs');
  const points: string[] = [];
  for (const [name, mkfs] of [
    ['ext4', ['mkfs.ext4', '-q', '-F']],
    ['btrfs', ['mkfs.btrfs', '-q', '-f']],
  ] as const) {
    const loop = scratch.loop(scratch.image(`${name}.img`, 128 << 20));
    const [program, ...options] = mkfs;
    run(program, ...options, loop);
    const point = scratch.folderAt(name);
    scratch.mount(loop, point);
    for (const file of ['x', 'y']) run('truncate', '-s', '1M', `${point}/${file}`);
    points.push(point, loop);
  }
  const [ext4 = '', ext4Loop = '', btrfs = '', btrfsLoop = ''] = points;
  const pairs: [string, string, boolean][] = [
    [`${ext4}/x`, `${ext4}/y`, true],
    [`${btrfs}/x`, `${btrfs}/y`, true],
    [`${ext4}/x`, ext4Loop, true],
    [`${btrfs}/x`, btrfsLoop, true],
  ];
  for (const [a, b, expected] of pairs) {
    const [one, two] = await opened(a, b);
    assert.ok(one && two);
    assert.is(samePhysicalDisk(one, two), expected, `${a} ${b}`);
    assert.is(mediumRelation(one, two), 'apart');
  }
});
