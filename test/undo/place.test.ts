import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDevice } from '../../src/device/open.js';
import type { Medium } from '../../src/device/same-medium.js';
import { formatDeviceNumber } from '../../src/device/sysfs.js';
import { DmremapError } from '../../src/errors.js';
import { type FoundPlace, findPlace, stateFolder, type UndoPlace } from '../../src/undo/place.js';
import { MadeUpMachine } from '../device/made-up-machine.js';
import { fails, run, Scratch } from '../device/scratch.js';
import { assert, needs, skip, suite } from '../support/harness.js';

const test = suite('place of undo files');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MiB = 1 << 20;
const NAME = 'x.undo';

function inFolder(folder: string, avoid: readonly Medium[] = []): UndoPlace {
  return { avoid, surroundings: { environment: { DMREMAP_STATE_DIR: folder } } };
}

/** What a device is known by; it need not be free for that. */
async function mediumOf(path: string): Promise<Medium> {
  const device = await openDevice(path, { mode: 'read' });
  await device.close();
  return device;
}

async function refusedOn(
  what: 'the spare' | 'main',
  folder: string,
  spare: string,
  ...avoid: string[]
): Promise<void> {
  const place = inFolder(folder, await Promise.all(avoid.map(mediumOf)));
  const error = await fails('undo-unavailable', findPlace(place, NAME, await mediumOf(spare)));
  assert.match(error.message, `lies on ${what} itself`);
  assert.match(error.hint ?? '', /another disk or, .* --undo-file FILE/);
}

async function allowedOn(folder: string, spare: string, ...avoid: string[]): Promise<string | undefined> {
  const place = inFolder(folder, await Promise.all(avoid.map(mediumOf)));
  const found = await findPlace(place, NAME, await mediumOf(spare));
  assert.is(found.path, join(folder, NAME));
  return found.warning;
}

/** A loop device with a fresh ext4, mounted: its node, image and mount point. */
function mountedLoop(name: string): { loop: string; image: string; point: string } {
  needs('root', 'losetup', 'mkfs.ext4', 'mount', '/dev/loop-control');
  const image = scratch.image(`${name}.img`, 16 * MiB);
  const loop = scratch.loop(image);
  run('mkfs.ext4', '-q', '-F', loop);
  const point = scratch.folderAt(name);
  scratch.mount(loop, point);
  return { loop, image, point };
}

test('the folder comes from the environment, then from the user', () => {
  const cases: readonly (readonly [string, number, Record<string, string>])[] = [
    ['/a', 0, { DMREMAP_STATE_DIR: '/a', XDG_STATE_HOME: '/b', HOME: '/c' }],
    ['/b/dmremap', 0, { DMREMAP_STATE_DIR: '', XDG_STATE_HOME: '/b', HOME: '/c' }],
    ['/var/lib/dmremap', 0, { XDG_STATE_HOME: 'relative', HOME: '/c' }],
    ['/var/lib/dmremap', 0, {}],
    ['/c/.local/state/dmremap', 1000, { HOME: '/c' }],
    [join(process.cwd(), 'here'), 1000, { DMREMAP_STATE_DIR: 'here' }],
  ];
  for (const [folder, uid, environment] of cases) assert.is(stateFolder({ environment, uid }), folder);
  assert.match(stateFolder({ environment: {}, uid: 1000 }), /^\/.*\.local\/state\/dmremap$/);
});

test('folders that are missing are made for their owner alone, others stay', async () => {
  const spare = scratch.image('spare.img', MiB);
  const outer = scratch.folderAt('outer');
  chmodSync(outer, 0o755);
  const folder = join(outer, 'a/b');
  assert.is(await allowedOn(folder, spare), undefined);
  for (const made of [folder, join(outer, 'a')]) assert.is(statSync(made).mode & 0o777, 0o700, made);
  assert.is(statSync(outer).mode & 0o777, 0o755);
  assert.is(await allowedOn(folder, spare), undefined);
});

test('a folder that cannot be made', async () => {
  const spare = await mediumOf(scratch.image('spare.img', MiB));
  writeFileSync(scratch.path('file'), '');
  const below = inFolder(scratch.path('file/below'));
  await fails('undo-unavailable', findPlace(below, NAME, spare), /no folder|part of the path is no folder/);
  needs('root');
  const mine = inFolder(join(scratch.folderAt('mine'), 'sub'));
  chmodSync(scratch.folder, 0o755);
  chmodSync(scratch.path('mine'), 0o700);
  process.seteuid?.(65534);
  try {
    await fails('undo-unavailable', findPlace(mine, NAME, spare), /not allowed|no folder/);
  } finally {
    process.seteuid?.(0);
  }
});

test('--undo-file names the file itself, in a folder that is there', async () => {
  const path = scratch.image('spare.img', MiB);
  const spare = await mediumOf(path);
  const found = await findPlace({ file: scratch.path('mine') }, NAME, spare);
  assert.equal(found, { path: scratch.path('mine'), warning: undefined });
  writeFileSync(scratch.path('old'), 'kept');
  assert.is((await findPlace({ file: scratch.path('old') }, NAME, spare)).path, scratch.path('old'));
  const refused = (file: string, why: RegExp): Promise<DmremapError> =>
    fails('undo-unavailable', findPlace({ file }, NAME, spare), why);
  await refused(scratch.path('no/such/folder'), /no folder/);
  assert.is(existsSync(scratch.path('no')), false);
  await refused(scratch.folder, /it is a folder/);
  await refused('', /no name for a file/);
  await refused(`${scratch.folder}/`, /no name for a file/);
  await refused('/dev/null', /no plain file/);
  await refused(path, /the very device/);
  const other = await mediumOf(scratch.image('main.img', MiB));
  await fails(
    'undo-unavailable',
    findPlace({ file: scratch.path('main.img'), avoid: [other] }, NAME, spare),
    /the very device/,
  );
});

test('in memory: allowed, with a warning', async () => {
  needs('root', 'mount');
  const spare = scratch.image('spare.img', MiB);
  const point = scratch.folderAt('memory');
  scratch.mount('-t', 'tmpfs', 'tmpfs', point);
  const warning = await allowedOn(join(point, 'deep/er'), spare);
  assert.match(warning ?? '', /^undo file: .*lies in memory \(tmpfs\): it is gone after a restart$/);
});

test('an image next to its undo files is no problem', async () => {
  const { image, point } = mountedLoop('fs');
  const inside = join(point, 'inner.img');
  run('truncate', '-s', '1M', inside);
  assert.is(await allowedOn(point, inside), undefined);
  const innerLoop = scratch.loop(inside);
  assert.is(await allowedOn(point, innerLoop), undefined);
  // But the file system's own image is.
  await refusedOn('the spare', point, image);
});

test('on the spare itself, or on main', async () => {
  const { loop, image, point } = mountedLoop('fs');
  const other = scratch.image('other.img', MiB);
  await refusedOn('the spare', join(point, 'state'), loop);
  await refusedOn('the spare', point, image);
  await refusedOn('main', point, other, loop);
  assert.is(existsSync(join(point, 'state')), false);
  assert.is(await allowedOn(point, other), undefined);
  const explicit = findPlace({ file: join(point, 'mine.undo') }, NAME, await mediumOf(loop));
  await fails('undo-unavailable', explicit, /lies on the spare itself/);
});

test('on a partition of the spare', async () => {
  needs('root', 'losetup', 'sgdisk', 'partx', 'mkfs.ext4', 'mount', '/dev/loop-control');
  const image = scratch.image('parted.img', 40 * MiB);
  const loop = scratch.loop(image);
  run('sgdisk', '--clear', '--new=1:2048:+16M', '--new=2:0:+16M', loop);
  run('partx', '--add', loop);
  scratch.atEnd(() => run('partx', '--delete', loop));
  run('mkfs.ext4', '-q', '-F', `${loop}p1`);
  const point = scratch.folderAt('p1');
  scratch.mount(`${loop}p1`, point);
  await refusedOn('the spare', point, loop);
  await refusedOn('the spare', point, `${loop}p1`);
  await refusedOn('the spare', point, image);
  assert.is(await allowedOn(point, `${loop}p2`), undefined);
});

test('on something that contains the spare', async () => {
  const { loop, point } = mountedLoop('fs');
  const part = scratch.loop(loop, '--read-only', '--offset', '4096', '--sizelimit', '65536');
  await refusedOn('the spare', point, part);
});

test('in an image in a file system on the spare', async () => {
  const { loop, image, point } = mountedLoop('outer');
  const inner = join(point, 'inner.img');
  run('truncate', '-s', '8M', inner);
  const innerLoop = scratch.loop(inner);
  run('mkfs.ext4', '-q', '-F', innerLoop);
  const deep = scratch.folderAt('deep');
  scratch.mount(innerLoop, deep);
  await refusedOn('the spare', deep, loop);
  await refusedOn('the spare', deep, image);
  await refusedOn('the spare', deep, inner);
});

test('through a stack of devices that nobody has here', async () => {
  const number = formatDeviceNumber(statSync(scratch.folder, { bigint: true }).dev);
  if (number.startsWith('0:')) skip('the folder for temporary files has no block device');
  const machine = new MadeUpMachine();
  scratch.atEnd(() => machine.cleanUp());
  const wwid = { wwid: 'naa.5000c500a1b2c3d4\n' };
  machine.disk('sda', { number: '8:0', files: wwid }).partition('sda', 1, { number: '8:1' });
  machine.disk('sdb', { number: '8:16', files: wwid }).disk('sdc', { number: '8:32' });
  machine.disk('dm-0', { number: '252:0', slaves: ['sda1'] });
  machine.disk('dm-1', { number, slaves: ['dm-0'] });
  const surroundings = { environment: { DMREMAP_STATE_DIR: scratch.folder }, roots: machine.roots };
  const on = (deviceNumber: string): Promise<FoundPlace> =>
    findPlace({ surroundings }, NAME, { realPath: '', deviceNumber, dev: 0n, ino: 0n });
  // sdb is another path to the disk sda
  for (const below of [number, '252:0', '8:1', '8:0', '8:16'])
    await fails('undo-unavailable', on(below), /lies on the spare itself/);
  assert.is((await on('8:32')).warning, undefined);
});

test('in compressed memory', async () => {
  const number = formatDeviceNumber(statSync(scratch.folder, { bigint: true }).dev);
  if (number.startsWith('0:')) skip('the folder for temporary files has no block device');
  const machine = new MadeUpMachine();
  scratch.atEnd(() => machine.cleanUp());
  machine.disk('zram0', { number });
  const surroundings = { environment: { DMREMAP_STATE_DIR: scratch.folder }, roots: machine.roots };
  const spare = await mediumOf(scratch.image('spare.img', MiB));
  assert.match((await findPlace({ surroundings }, NAME, spare)).warning ?? '', /zram0 is memory/);
});

test('any member of a btrfs', async () => {
  needs('root', 'losetup', 'mkfs.btrfs', 'mount', '/dev/loop-control');
  const loops = ['one', 'two'].map((name) => scratch.loop(scratch.image(`${name}.img`, 128 * MiB)));
  run('mkfs.btrfs', '-q', '-f', '-d', 'raid1', '-m', 'raid1', ...loops);
  const point = scratch.folderAt('btrfs');
  scratch.mount('-t', 'btrfs', '-o', loops.map((loop) => `device=${loop}`).join(','), loops[0] ?? '', point);
  const volume = join(point, 'volume');
  run('btrfs', 'subvolume', 'create', volume);
  mkdirSync(join(volume, 'state'));
  for (const loop of loops) await refusedOn('the spare', join(volume, 'state'), loop);
  await refusedOn('the spare', point, scratch.path('two.img'));
  assert.is(await allowedOn(volume, scratch.image('apart.img', MiB)), undefined);
});

test('the upper layer of an overlay is what counts', async () => {
  const { loop, point } = mountedLoop('upper');
  const [up, work] = [join(point, 'up'), join(point, 'work')];
  mkdirSync(up);
  mkdirSync(work);
  const lower = scratch.folderAt('lower');
  const merged = scratch.folderAt('merged');
  const layers = (above: string, aside: string): string =>
    `lowerdir=${lower},upperdir=${above},workdir=${aside}`;
  const unmount = scratch.mount('-t', 'overlay', '-o', layers(up, work), 'overlay', merged);
  await refusedOn('the spare', merged, loop);
  const other = scratch.image('other.img', MiB);
  assert.is(await allowedOn(merged, other), undefined);
  unmount();
  const memory = scratch.folderAt('memory');
  scratch.mount('-t', 'tmpfs', 'tmpfs', memory);
  mkdirSync(join(memory, 'up'));
  mkdirSync(join(memory, 'work'));
  scratch.mount('-t', 'overlay', '-o', layers(join(memory, 'up'), join(memory, 'work')), 'overlay', merged);
  assert.match((await allowedOn(merged, other)) ?? '', /lies in memory/);
});

test('errors carry what scripts need', async () => {
  const spare = await mediumOf(scratch.image('spare.img', MiB));
  const error = await fails('undo-unavailable', findPlace({ file: '/dev/null' }, NAME, spare));
  assert.instance(error, DmremapError);
  assert.is(error.data['path'], '/dev/null');
});
