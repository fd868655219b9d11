import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { liveHolder } from '../../src/device/holders.js';
import { parseLocks } from '../../src/device/locks.js';
import { openDevice } from '../../src/device/open.js';
import { assert, needs, suite } from '../support/harness.js';
import { fails, run, Scratch } from './scratch.js';

const test = suite('locks');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const OPENER = join(import.meta.dirname, 'opener.js');
const MiB = 1 << 20;

/** Holds a flock on $0 in one process, until it is killed. */
const FLOCK = 'exec 9<"$0"; flock "$1" 9; echo ready; exec sleep 1000';

async function holder(path: string): Promise<string | undefined> {
  const device = await openDevice(path, { mode: 'read' });
  try {
    return (await liveHolder(device))?.name;
  } finally {
    await device.close();
  }
}

test('an image that another process has is busy and says by whom', async () => {
  const image = scratch.image('a.img', MiB);
  assert.is(await holder(image), undefined);
  const { child, stop } = await scratch.start(process.execPath, OPENER, 'exclusive', image);
  const name = `locked by process ${child.pid} (opener exclusive)`;
  const error = await fails('busy', openDevice(image, { mode: 'exclusive' }));
  assert.is(error.message, `${image} is in use: ${name}`);
  assert.equal(error.data['holders'], [{ kind: 'lock', name }]);
  assert.is(await holder(image), name);
  await stop();
  assert.is(await holder(image), undefined, 'a lock dies with its holder');
  await (await openDevice(image, { mode: 'exclusive' })).close();
});

test('readers keep nobody out and are kept out by nobody', async () => {
  const image = scratch.image('b.img', MiB);
  const { stop } = await scratch.start(process.execPath, OPENER, 'read', image);
  assert.is(await holder(image), undefined);
  const writer = await openDevice(image, { mode: 'exclusive' });
  const reader = await openDevice(image, { mode: 'read' });
  await reader.close();
  await writer.close();
  await stop();
});

test('two openings in one process exclude each other', async () => {
  const image = scratch.image('c.img', MiB);
  const first = await openDevice(image, { mode: 'exclusive' });
  assert.match((await liveHolder(first))?.name ?? '', `process ${process.pid}`);
  await fails('busy', openDevice(image, { mode: 'exclusive' }), new RegExp(`process ${process.pid}`));
  await first.close();
  assert.is(await liveHolder(first), undefined);
  await (await openDevice(image, { mode: 'exclusive' })).close();
});

test('locks of other programs', async () => {
  needs('flock', 'python3');
  const image = scratch.image('d.img', MiB);
  const exclusive = await scratch.start('sh', '-c', FLOCK, image, '--exclusive');
  // Between the word "ready" and the sleep, it is still the shell that holds the lock.
  await fails(
    'busy',
    openDevice(image, { mode: 'exclusive' }),
    new RegExp(`locked by process ${exclusive.child.pid} \\((sh|sleep)\\)`),
  );
  assert.is(await holder(image), undefined, 'that is no server of ours');
  await exclusive.stop();
  await (await openDevice(image, { mode: 'exclusive' })).close();
  const posix = `import fcntl,time,sys
f = open(sys.argv[1], 'r+b')
fcntl.lockf(f, fcntl.LOCK_EX, 1, 100)
print('ready', flush=True)
time.sleep(1000)`;
  const other = scratch.image('e.img', MiB);
  const { child, stop } = await scratch.start('python3', '-c', posix, other);
  await fails(
    'busy',
    openDevice(other, { mode: 'exclusive' }),
    new RegExp(`process ${child.pid} \\(python3`),
  );
  assert.is(await holder(other), undefined);
  await stop();
});

test('a lock that our own caller took for us is no obstacle', () => {
  needs('flock');
  const image = scratch.image('f.img', MiB);
  assert.is(run('flock', image, process.execPath, OPENER, 'exclusive', image, 'once'), 'ready\n');
});

test('a holder that this user may not see', async () => {
  needs('root');
  const image = scratch.image('k.img', MiB);
  chmodSync(scratch.folder, 0o755);
  chmodSync(image, 0o666);
  const { stop } = await scratch.start(process.execPath, OPENER, 'exclusive', image);
  process.seteuid?.(65534);
  try {
    await fails(
      'busy',
      openDevice(image, { mode: 'exclusive' }),
      /by a process that cannot be seen from here/,
    );
    assert.match((await holder(image)) ?? '', /cannot be seen/);
  } finally {
    process.seteuid?.(0);
  }
  await stop();
});

test('on a block device, its node tells who has it', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = scratch.image('g.img', MiB);
  const loop = scratch.loop(image);
  assert.is(await holder(loop), undefined);
  const { child, stop } = await scratch.start(process.execPath, OPENER, 'exclusive', loop);
  const name = `locked by process ${child.pid} (opener exclusive)`;
  assert.is(await holder(loop), name);
  const error = await fails('busy', openDevice(loop, { mode: 'exclusive' }));
  assert.equal(error.data['holders'], [{ kind: 'lock', name }]);
  await stop();
  assert.is(await holder(loop), undefined);
});

test('an image that is served keeps loop devices over it busy', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = scratch.image('h.img', MiB);
  const { child, stop } = await scratch.start(process.execPath, OPENER, 'exclusive', image);
  const loop = scratch.loop(image);
  assert.match((await holder(loop)) ?? '', `process ${child.pid}`);
  await fails('busy', openDevice(loop, { mode: 'exclusive' }), new RegExp(`process ${child.pid}`));
  await stop();
});

test('udev may look at a disk meanwhile, others who lock it may not', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'flock');
  const loop = scratch.loop(scratch.image('i.img', MiB));
  const shared = await scratch.start('sh', '-c', FLOCK, loop, '--shared');
  await (await openDevice(loop, { mode: 'exclusive' })).close();
  await shared.stop();
  const exclusive = await scratch.start('sh', '-c', FLOCK, loop, '--exclusive');
  await fails(
    'busy',
    openDevice(loop, { mode: 'exclusive' }),
    new RegExp(`locked by process ${exclusive.child.pid} \\((sh|sleep)\\)`),
  );
  await exclusive.stop();
});

test('file systems whose device number is made up', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mount', 'mkfs.btrfs');
  const disk = scratch.loop(scratch.image('btrfs.disk', 128 * MiB));
  run('mkfs.btrfs', '-q', '-f', disk);
  const point = scratch.folderAt('btrfs');
  scratch.mount(disk, point);
  run('btrfs', 'subvolume', 'create', join(point, 'sub'));
  run('truncate', '-s', '1M', join(point, 'sub/x.img'));
  const image = join(point, 'sub/x.img');
  const { child, stop } = await scratch.start(process.execPath, OPENER, 'exclusive', image);
  assert.match((await holder(image)) ?? '', `process ${child.pid}`);
  await fails('busy', openDevice(image, { mode: 'exclusive' }), new RegExp(`process ${child.pid}`));
  await stop();
  assert.is(await holder(image), undefined);
  await (await openDevice(image, { mode: 'exclusive' })).close();
});

test('an overlay', async () => {
  needs('root', 'mount');
  for (const name of ['lower', 'upper', 'work', 'merged']) scratch.folderAt(`o/${name}`);
  const at = (name: string): string => scratch.path(`o/${name}`);
  scratch.image('o/lower/x.img', MiB);
  const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
  scratch.mount('-t', 'overlay', '-o', options, 'overlay', at('merged'));
  const image = join(at('merged'), 'x.img');
  const { child, stop } = await scratch.start(process.execPath, OPENER, 'exclusive', image);
  assert.match((await holder(image)) ?? '', `process ${child.pid}`);
  await fails('busy', openDevice(image, { mode: 'exclusive' }), new RegExp(`process ${child.pid}`));
  await stop();
});

test('lines of /proc/locks', () => {
  const text = `1: OFDLCK ADVISORY  WRITE -1 fe:00:2154616 0 EOF
2: FLOCK  ADVISORY  WRITE 6628 00:06:94 0 EOF
2: -> FLOCK  ADVISORY  WRITE 6700 00:06:94 0 EOF
3: POSIX  ADVISORY  READ 12 08:01:1234 128 128
4: LEASE  ACTIVE    READ 9 08:01:77 0 EOF

lock:	1: FLOCK  ADVISORY  WRITE 6628 00:06:94 0 EOF`;
  assert.equal(
    parseLocks(text).map(({ kind, access, pid, file, whole }) => [kind, access, pid, file, whole]),
    [
      ['OFDLCK', 'WRITE', undefined, 'fe:00:2154616', true],
      ['FLOCK', 'WRITE', 6628, '00:06:94', true],
      ['POSIX', 'READ', 12, '08:01:1234', false],
      ['LEASE', 'READ', 9, '08:01:77', true],
      ['FLOCK', 'WRITE', 6628, '00:06:94', true],
    ],
  );
});
