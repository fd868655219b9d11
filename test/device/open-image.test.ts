import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileDevice } from '../../src/device/file-device.js';
import { type OpenOptions, openDevice } from '../../src/device/open.js';
import { DeviceError } from '../../src/errors.js';
import { bytes } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { fails, numbered, run, Scratch } from './scratch.js';

const test = suite('openDevice on image files');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

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

test('says what it is', async () => {
  const path = scratch.image('facts.img', 1 << 20);
  symlinkSync(path, scratch.path('link.img'));
  await using(scratch.path('link.img'), 'read', async (device) => {
    assert.is(device.name, scratch.path('link.img'));
    assert.is(device.path, scratch.path('link.img'));
    assert.is(device.realPath, path);
    assert.is(device.kind, 'image');
    assert.is(device.deviceNumber, undefined);
    assert.is(device.size, 1 << 20);
    assert.equal([device.logicalBlockSize, device.physicalBlockSize], [512, 512]);
    assert.is(device.writable, false);
    assert.is(device.unlocked, undefined);
  });
  await using(path, 'exclusive', async (device) => {
    assert.is(device.writable, true);
    assert.is(device.unlocked, undefined, 'koffi works here');
  });
});

test('reads and writes where it is told', async () => {
  const path = scratch.image('rw.img', 1 << 20);
  await using(path, 'exclusive', async (device) => {
    const into = Buffer.alloc(3 * 512);
    await device.read(bytes(7 * 512), into);
    assert.equal(into, numbered(3 * 512, 7));
    await device.write(bytes(1024), Buffer.alloc(512, 0xab));
    await device.flush();
    await device.read(bytes(512), into);
    assert.equal([into.readUInt32LE(0), into[512], into[1023]], [2, 0xab, 0xab]);
    assert.is(await device.readPastCache(bytes(512), into), true);
    assert.equal([into.readUInt32LE(0), into[512], into.readUInt32LE(1024)], [2, 0xab, 4]);
  });
  const expected = numbered(1 << 20);
  expected.fill(0xab, 1024, 1536);
  assert.equal(readFileSync(path), expected);
});

test('reads past the cache at every odd place and length', async () => {
  const path = scratch.image('odd.img', (3 << 20) + 512);
  await using(path, 'read', async (device) => {
    for (const [at, length] of [
      [0, 512],
      [512, 4096],
      [3584, 1024],
      [512, (2 << 20) + 512],
      [3 << 20, 512],
      [0, (3 << 20) + 512],
    ] as const) {
      const into = Buffer.alloc(length);
      assert.is(await device.readPastCache(bytes(at), into), true);
      assert.equal(into, numbered(length, at / 512), `${at}+${length}`);
    }
  });
});

test('requests outside, between sectors, or for writing what is only read', async () => {
  const path = scratch.image('range.img', 8192);
  await using(path, 'read', async (device) => {
    const past = await fails('io', device.read(bytes(7680), new Uint8Array(1024)), /sector 15 .*EINVAL/);
    assert.instance(past, DeviceError);
    assert.match(past.hint ?? '', /8192/);
    await fails('io', device.read(bytes(-512), new Uint8Array(512)), /EINVAL/);
    await fails('io', device.read(bytes(256), new Uint8Array(512)), /EINVAL/);
    await fails('io', device.read(bytes(0), new Uint8Array(500)), /EINVAL/);
    await fails('io', device.readPastCache(bytes(8192), new Uint8Array(512)), /EINVAL/);
    await fails('io', device.write(bytes(0), new Uint8Array(512)), /EBADF/);
  });
  await using(path, 'exclusive', async (device) => {
    await fails('no-space', device.write(bytes(8192), new Uint8Array(512)), /write failed at sector 16/);
    await fails('io', device.write(bytes(100), new Uint8Array(512)), /EINVAL/);
  });
  assert.equal(readFileSync(path), numbered(8192));
});

test('a file that becomes shorter while it is open', async () => {
  const path = scratch.image('shrinks.img', 1 << 20);
  await using(path, 'read', async (device) => {
    truncateSync(path, 8192);
    const error = await fails('io', device.read(bytes(0), new Uint8Array(16384)), /sector 16 .*ENXIO/);
    assert.match(error.hint ?? '', /shorter/);
    await fails('io', device.readPastCache(bytes(16384), new Uint8Array(512)), /sector 32 .*ENXIO/);
  });
});

test('a closed device', async () => {
  const device = await openDevice(scratch.image('closed.img', 8192), { mode: 'exclusive' });
  await device.readPastCache(bytes(0), new Uint8Array(512));
  await Promise.all([device.close(), device.close()]);
  await fails('io', device.read(bytes(0), new Uint8Array(512)), /EBADF/);
  await fails('io', device.write(bytes(0), new Uint8Array(512)), /EBADF/);
  await fails('io', device.flush(), /flush failed: EBADF/);
});

test('many requests at once', async () => {
  const path = scratch.image('many.img', 1 << 20);
  await using(path, 'read', async (device) => {
    const places = Array.from({ length: 200 }, (_, index) => ((index * 37) % 255) * 4096);
    const buffers = places.map(() => Buffer.alloc(4096));
    await Promise.all(
      buffers.map(async (into, index) => {
        const at = bytes(places[index] ?? 0);
        if (index % 2 === 0) await device.read(at, into);
        else await device.readPastCache(at, into);
      }),
    );
    buffers.forEach((into, index) => {
      assert.equal(into, numbered(4096, (places[index] ?? 0) / 512));
    });
  });
});

test('what holes there are', async () => {
  const path = scratch.path('holes.img');
  writeFileSync(path, '');
  truncateSync(path, 64 << 20);
  const data = 16 << 20;
  await using(path, 'exclusive', async (device) => {
    assert.is(await device.nextData(bytes(0)), device.size);
    await device.write(bytes(data), Buffer.alloc(4096, 1));
    assert.is(await device.nextData(bytes(0)), data);
    assert.is(await device.nextData(bytes(data + 512)), data + 512);
    assert.is(await device.nextData(bytes(data + 8192)), device.size);
    assert.is(await device.invalidate(bytes(0), device.size), true);
  });
});

test('reading opens nothing for writing', () => {
  needs('strace');
  const path = scratch.image('traced.img', 8192);
  const log = scratch.path('trace');
  const program = join(import.meta.dirname, 'opener.js');
  const calls = 'open,openat,openat2,creat,flock,fcntl,write,pwrite64,pwritev,fsync,fdatasync,ioctl';
  run(
    'strace',
    '-f',
    '-y',
    '-e',
    `trace=${calls}`,
    '-o',
    log,
    process.execPath,
    program,
    'read',
    path,
    'once',
  );
  const touching = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes(path));
  const opened = touching.filter((line) => /\bopen/.test(line));
  assert.ok(opened.length > 0);
  assert.equal(
    touching.filter((line) => !/openat?.*O_RDONLY/.test(line) || /O_(RDWR|WRONLY|CREAT|TRUNC)/.test(line)),
    [],
  );
  const libraries = readFileSync(log, 'utf8');
  assert.not.match(libraries, /koffi\.node/, 'reading does without koffi');
});

test('failures of the system name the place', () => {
  needs('strace');
  const path = scratch.image('injected.img', 1 << 20);
  const code = `
    const { openDevice } = await import(${JSON.stringify(new URL('../../src/device/open.js', import.meta.url).href)});
    const device = await openDevice(${JSON.stringify(path)}, { mode: 'exclusive' });
    const told = async (work) => work.then(() => 'fine', (error) => [error.code, error.errno, error.sector ?? null]);
    const large = new Uint8Array(1 << 16);
    console.log(JSON.stringify([
      await told(device.write(4096, large)),
      await told(device.flush()),
      await told(device.read(8192, large)),
    ]));
  `;
  const outcome = (call: string, errno: string): unknown =>
    JSON.parse(
      run(
        ...['strace', '-f', '-o', '/dev/null', '-P', path, '-e', `inject=${call}:error=${errno}`],
        ...[process.execPath, '--input-type=module', '-e', code],
      ),
    );
  assert.equal(outcome('pwrite64', 'EIO'), [['io', 'EIO', 8], 'fine', 'fine']);
  assert.equal(outcome('pwrite64', 'ENOSPC'), [['no-space', 'ENOSPC', 8], 'fine', 'fine']);
  assert.equal(outcome('fsync', 'EIO'), ['fine', ['io', 'EIO', null], 'fine']);
  assert.equal(outcome('pread64', 'EIO'), ['fine', 'fine', ['io', 'EIO', 16]]);
  assert.equal(outcome('fcntl', 'ENOLCK'), ['fine', 'fine', 'fine']);
});

test('works without koffi, and says what is lost', () => {
  const path = scratch.image('bare.img', 8192);
  // A processor that koffi is not asked for.
  const code = `
    Object.defineProperty(process, 'arch', { value: 'mips' });
    const { openDevice } = await import(${JSON.stringify(new URL('../../src/device/open.js', import.meta.url).href)});
    const device = await openDevice(${JSON.stringify(path)}, { mode: 'exclusive' });
    const into = new Uint8Array(512);
    await device.write(0, into);
    const past = await device.readPastCache(512, into);
    const again = await openDevice(device.path, { mode: 'exclusive' }).then(() => 'open', (error) => error.code);
    console.log(JSON.stringify([device.unlocked, past, into[0], await device.nextData(512), await device.invalidate(0, 512), again]));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.equal(JSON.parse(output), ['koffi cannot be loaded here', true, 2, 512, false, 'open']);
});
