import { chmodSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { FileDevice } from '../../src/device/file-device.js';
import { type OpenOptions, openDevice } from '../../src/device/open.js';
import { bytes } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { fails, numbered, run, Scratch } from './scratch.js';

const test = suite('openDevice on what is no device, or not for us');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const MODES: readonly OpenOptions['mode'][] = ['read', 'exclusive'];

async function using<T>(
  path: string,
  mode: OpenOptions['mode'],
  work: (device: FileDevice) => Promise<T>,
): Promise<T> {
  const device = await openDevice(path, { mode });
  try {
    return await work(device);
  } finally {
    await device.close();
  }
}

test('what is no device', async () => {
  run('mkfifo', scratch.path('fifo'));
  const server = createServer().listen(scratch.path('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  scratch.folderAt('folder');
  try {
    for (const mode of MODES) {
      await fails('not-a-device', openDevice(scratch.path('fifo'), { mode }), /is a fifo/);
      await fails('not-a-device', openDevice(scratch.path('socket'), { mode }), /is a socket/);
      await fails('not-a-device', openDevice('/dev/null', { mode }), /is a character device/);
      await fails('usage', openDevice(scratch.path('folder'), { mode }), /is a directory/);
    }
  } finally {
    server.close();
  }
});

test('what is not there', async () => {
  scratch.image('plain.img', 8192);
  symlinkSync('nowhere', scratch.path('dangling'));
  symlinkSync('circle', scratch.path('circle'));
  for (const mode of MODES) {
    const missing = await fails(
      'no-such-device',
      openDevice(scratch.path('missing'), { mode }),
      /no such file/,
    );
    assert.ok(missing.hint);
    await fails('no-such-device', openDevice('', { mode }));
    await fails('no-such-device', openDevice(scratch.path('plain.img/x'), { mode }), /not a folder/);
    await fails('no-such-device', openDevice(scratch.path('dangling'), { mode }), /a link to nowhere/);
    await fails('no-such-device', openDevice(scratch.path('circle'), { mode }), /circle/);
    await fails('no-such-device', openDevice(scratch.path('x'.repeat(300)), { mode }), /too long/);
    await fails('usage', openDevice('a\0b', { mode }), /is no file name/);
  }
});

test('what is too small or has an odd size', async () => {
  for (const [size, code, text] of [
    [0, 'too-small', /is empty/],
    [100, 'too-small', /has 100 bytes/],
    [4095, 'too-small', /has 4095 bytes/],
    [4097, 'not-a-device', /4097 bytes, which is no multiple of 512/],
    [(1 << 20) - 1, 'not-a-device', /1048575 bytes/],
  ] as const) {
    const path = scratch.path(`size-${size}`);
    writeFileSync(path, '');
    truncateSync(path, size);
    for (const mode of MODES) {
      const error = await fails(code, openDevice(path, { mode }), text);
      assert.is(error.data['size'], size);
    }
  }
  await using(scratch.image('smallest.img', 4096), 'exclusive', async (device) =>
    assert.is(device.size, 4096),
  );
});

test('what this user may not open', async () => {
  needs('root');
  const path = scratch.image('secret.img', 8192);
  chmodSync(scratch.folder, 0o755);
  const asNobody = async (mode: OpenOptions['mode'], code: 'permission' | undefined): Promise<void> => {
    process.seteuid?.(65534);
    try {
      if (code === undefined) await (await openDevice(path, { mode })).close();
      else assert.ok((await fails(code, openDevice(path, { mode }), /not allowed .*\(EACCES\)/)).hint);
    } finally {
      process.seteuid?.(0);
    }
  };
  chmodSync(path, 0o600);
  await asNobody('read', 'permission');
  await asNobody('exclusive', 'permission');
  chmodSync(path, 0o644);
  await asNobody('read', undefined);
  await asNobody('exclusive', 'permission');
  chmodSync(scratch.folder, 0o700);
  await asNobody('read', 'permission');
});

test('a read-only file system and an immutable file', async () => {
  needs('root', 'mount', 'chattr');
  const path = scratch.image('immutable.img', 8192);
  const point = scratch.folderAt('tmpfs');
  const unmount = scratch.mount('-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', point);
  writeFileSync(join(point, 'a.img'), numbered(8192));
  run('mount', '-o', 'remount,ro', point);
  await using(join(point, 'a.img'), 'read', async (device) => {
    const into = Buffer.alloc(512);
    await device.readPastCache(bytes(512), into);
    assert.is(into.readUInt32LE(0), 2);
  });
  await fails('permission', openDevice(join(point, 'a.img'), { mode: 'exclusive' }), /read-only file system/);
  unmount();
  run('chattr', '+i', path);
  scratch.atEnd(() => run('chattr', '-i', path));
  await fails('permission', openDevice(path, { mode: 'exclusive' }), /EPERM/);
});
