import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { openDevice } from '../../src/device/open.js';
import { type Sink, writeOutputFile } from '../../src/device/output-file.js';
import { assert, needs, suite } from '../support/harness.js';
import { fails, run, Scratch } from './scratch.js';

const test = suite('writeOutputFile in odd places');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const hello = (sink: Sink): Promise<void> => sink.write('hello\n');

test('what output never goes to', async () => {
  const image = scratch.image('spare.img', 8192);
  run('mkfifo', scratch.path('fifo'));
  const server = createServer().listen(scratch.path('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const device = await openDevice(image, { mode: 'read' });
  const options = { overwrite: true, never: [device] };
  try {
    await fails('usage', writeOutputFile(scratch.folder, options, hello), /is a directory/);
    await fails('usage', writeOutputFile(scratch.path('new/'), options, hello), /no name for a file/);
    await fails('usage', writeOutputFile('', options, hello), /no name for a file/);
    await fails('usage', writeOutputFile('-', options, hello), /no name for a file/);
    await fails('usage', writeOutputFile('/dev/null', options, hello), /no plain file/);
    await fails('usage', writeOutputFile(scratch.path('fifo'), options, hello), /no plain file/);
    await fails('usage', writeOutputFile(scratch.path('socket'), options, hello), /no plain file/);
    await fails('usage', writeOutputFile(image, options, hello), /worked on/);
    await fails('usage', writeOutputFile(scratch.path('none/out'), options, hello), /ENOENT/);
    await fails('usage', writeOutputFile(join(image, 'out'), options, hello), /ENOTDIR/);
  } finally {
    await device.close();
    server.close();
  }
  assert.is(statSync(image).size, 8192);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('block devices', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const loop = scratch.loop(scratch.image('disk.img', 1 << 20));
  symlinkSync(loop, scratch.path('link'));
  for (const path of [loop, scratch.path('link')]) {
    await fails('usage', writeOutputFile(path, { overwrite: true }, hello), /is a block device/);
    assert.ok(statSync(path).isBlockDevice());
  }
});

test('the image behind a loop device that is worked on', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = scratch.image('spare.img', 1 << 20);
  const before = statSync(image).ino;
  const device = await openDevice(scratch.loop(image), { mode: 'read' });
  try {
    await fails('usage', writeOutputFile(image, { overwrite: true, never: [device] }, hello), /worked on/);
  } finally {
    await device.close();
  }
  assert.is(statSync(image).ino, before);
  await writeOutputFile(scratch.path('other'), { overwrite: true, never: [device] }, hello);
});

test('a full disk', async () => {
  needs('root', 'mount');
  const point = scratch.folderAt('small');
  scratch.mount('-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', point);
  writeFileSync(join(point, 'out'), 'old');
  const large = (sink: Sink): Promise<void> => sink.write(Buffer.alloc(2 << 20));
  const error = await fails(
    'no-space',
    writeOutputFile(join(point, 'out'), { overwrite: true }, large),
    /ENOSPC/,
  );
  assert.is(error.data['errno'], 'ENOSPC');
  assert.equal(readdirSync(point), ['out']);
  assert.is(readFileSync(join(point, 'out'), 'utf8'), 'old');
});

test('a folder that this user may not write to, and a file system that nobody may', async () => {
  needs('root', 'mount');
  chmodSync(scratch.folder, 0o755);
  process.seteuid?.(65534);
  try {
    await fails('permission', writeOutputFile(scratch.path('out'), {}, hello), /EACCES/);
  } finally {
    process.seteuid?.(0);
  }
  const point = scratch.folderAt('ro');
  scratch.mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', point);
  await fails('permission', writeOutputFile(join(point, 'out'), {}, hello), /EROFS/);
});

test('where there are no hard links', () => {
  needs('strace');
  const path = scratch.path('out');
  const module = JSON.stringify(new URL('../../src/device/output-file.js', import.meta.url).href);
  const code = `
    const { writeOutputFile } = await import(${module});
    const write = (options) => writeOutputFile(${JSON.stringify(path)}, options, (sink) => sink.write('hello'));
    const codes = [];
    for (const overwrite of [false, false, true]) codes.push(await write({ overwrite }).catch((error) => error.code));
    console.log(JSON.stringify(codes));
  `;
  const output = run(
    'strace',
    '-f',
    '-o',
    scratch.path('trace'),
    '-e',
    'trace=link,linkat',
    '-e',
    'inject=link,linkat:error=EPERM',
    process.execPath,
    '--input-type=module',
    '-e',
    code,
  );
  assert.equal(JSON.parse(output), [5, 'usage', 5]);
  assert.match(readFileSync(scratch.path('trace'), 'utf8'), 'INJECTED');
  assert.equal(readdirSync(scratch.folder).sort(), ['out', 'trace']);
});
