import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { decodeUndo, isRefusal } from '../../src/undo/format.js';
import { openUndo, peekUndo } from '../../src/undo/reader.js';
import { markFinished, type SaveRequest, saveUndo } from '../../src/undo/writer.js';
import { bytes } from '../../src/units.js';
import { fails, numbered, run, Scratch } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';
import { descriptionFor, numberedDevice, opened, phasesOf, SECTOR } from './support.js';

const test = suite('undo file writer');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

/** What is saved at a time. */
const PIECE = 1 << 20;

const PHASES = phasesOf(
  [
    [8, 4, 1],
    [0, 2, 2],
  ],
  [[100, 1, 3]],
);

function request(path: string, device = numberedDevice(200)): SaveRequest {
  return {
    targets: [{ side: 'spare', device, phases: PHASES }],
    path,
    description: descriptionFor(200 * SECTOR),
  };
}

/** Runs as another user; nobody has no rights anywhere. */
async function asNobody<Result>(work: () => Promise<Result>): Promise<Result> {
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

test('saves exactly what will be overwritten, for its owner alone', async () => {
  const path = scratch.path('a.undo');
  const saved = await saveUndo(request(path));
  assert.is(saved.path, path);
  assert.is(statSync(path).mode & 0o777, 0o600);
  const file = decodeUndo(readFileSync(path));
  if (isRefusal(file)) throw new Error(file.message);
  assert.equal(file.description, saved.description);
  assert.equal(
    file.description.blocks.map(({ at, length }) => [at / SECTOR, length / SECTOR]),
    [
      [0, 2],
      [8, 4],
      [100, 1],
    ],
  );
  const before = [numbered(2 * SECTOR, 0), numbered(4 * SECTOR, 8), numbered(SECTOR, 100)];
  assert.equal(Buffer.from(file.data), Buffer.concat(before));
});

test('finishes durably, and twice is no harm', async () => {
  const path = scratch.path('a.undo');
  const saved = await saveUndo(request(path));
  const unfinished = readFileSync(path);
  const undo = await opened(path);
  assert.is(undo.state, 'unfinished');
  await undo.close();
  await saved.finish();
  const finished = readFileSync(path);
  await markFinished(path);
  assert.equal(readFileSync(path), finished);
  assert.equal(finished.subarray(SECTOR), unfinished.subarray(SECTOR));
  const peeked = await peekUndo(path);
  assert.is('state' in peeked && peeked.state, 'finished');
});

test('what is no whole undo file is not marked', async () => {
  const path = scratch.path('a.undo');
  const saved = await saveUndo(request(path));
  const file = readFileSync(path);
  file[20] = (file[20] ?? 0) ^ 1;
  writeFileSync(path, file);
  const error = await fails('io', saved.finish(), /cannot be marked finished.*damaged head/);
  assert.is(error.data['undo_file'], path);
  assert.match(error.hint ?? '', /check -p finishes it/);
  assert.equal(readFileSync(path), file);
  await fails('io', markFinished(scratch.path('none.undo')), /cannot be marked finished/);
});

test('nothing that is there is replaced: the next free name is taken', async () => {
  const path = scratch.path('a.undo');
  writeFileSync(path, 'precious');
  symlinkSync('/nowhere', scratch.path('a-2.undo'));
  assert.is((await saveUndo(request(path))).path, scratch.path('a-3.undo'));
  assert.is((await saveUndo(request(path))).path, scratch.path('a-4.undo'));
  assert.is(readFileSync(path, 'utf8'), 'precious');
  const odd = scratch.path('odd');
  await saveUndo(request(odd));
  assert.is((await saveUndo(request(odd))).path, scratch.path('odd-2'));
});

test('several requests at once each get a file', async () => {
  const saved = await Promise.all([1, 2, 3, 4].map(() => saveUndo(request(scratch.path('a.undo')))));
  assert.is(new Set(saved.map(({ path }) => path)).size, 4);
  for (const { path } of saved) await (await opened(path)).close();
});

test('large blocks are copied in pieces', async () => {
  const device = numberedDevice(3 * 2048 + 7);
  const saved = await saveUndo({
    ...request(scratch.path('large.undo'), device),
    targets: [{ side: 'spare', device, phases: phasesOf([[1, 3 * 2048 + 5, 9]]) }],
    description: descriptionFor(device.size),
  });
  const undo = await opened(saved.path);
  const [block] = undo.description.blocks;
  if (block === undefined) throw new Error('no block');
  const into = new Uint8Array(block.length);
  await undo.readBefore(block, 0, into);
  assert.equal(into, device.content.slice(SECTOR, SECTOR + block.length));
  await undo.close();
});

test('of a device that was never written zeros are saved, which take no room', async () => {
  const device = new MemoryDevice(new Uint8Array(2 * PIECE + 6 * SECTOR));
  device.content.fill(7, SECTOR, 2 * SECTOR);
  const path = scratch.path('zeros.undo');
  await saveUndo({
    ...request(path),
    targets: [{ side: 'spare', device, phases: phasesOf([[1, (2 * PIECE) / SECTOR + 4, 9]]) }],
    description: descriptionFor(device.size),
  });
  const file = decodeUndo(readFileSync(path));
  if (isRefusal(file)) throw new Error(file.message);
  assert.equal(new Uint8Array(file.data), device.content.slice(SECTOR, device.content.length - SECTOR));
  assert.ok(statSync(path).blocks * 512 < 2 * PIECE);
});

test('what lies between the holes of an image is saved, also what was written a moment ago', async () => {
  const path = scratch.path('sparse.img');
  writeFileSync(path, '');
  truncateSync(path, 6 * PIECE);
  const device = await openDevice(path, { mode: 'exclusive' });
  for (const [at, value] of [
    [SECTOR, 1],
    [PIECE + 7 * SECTOR, 2],
    [4 * PIECE - SECTOR, 3],
  ] as const)
    await device.write(bytes(at), new Uint8Array(SECTOR).fill(value));
  const undoPath = scratch.path('sparse.undo');
  const phases = phasesOf([[1, (6 * PIECE) / SECTOR - 3, 9]]);
  await saveUndo({
    ...request(undoPath),
    targets: [{ side: 'spare', device, phases }],
    description: descriptionFor(device.size),
  });
  await device.close();
  const undo = await openUndo(undoPath);
  if (isRefusal(undo)) throw new Error(undo.message);
  await undo.close();
  const file = decodeUndo(readFileSync(undoPath));
  if (isRefusal(file)) throw new Error(file.message);
  const content = readFileSync(path).subarray(SECTOR, 6 * PIECE - 2 * SECTOR);
  assert.is(Buffer.compare(file.data, content), 0);
});

test('unreadable sectors are noted, the others saved', async () => {
  const device = new ErrorDevice(numberedDevice(200));
  device.addFault({ sector: 9, count: 2, on: 'read' });
  device.addFault({ sector: 100, on: 'read' });
  const targets = [{ side: 'spare' as const, device, phases: PHASES }];
  const saved = await saveUndo({ ...request(scratch.path('bad.undo')), targets });
  assert.equal(
    saved.description.blocks.map(({ unreadable }) => unreadable),
    [
      [],
      [{ at: bytes(9 * SECTOR), length: bytes(2 * SECTOR) }],
      [{ at: bytes(100 * SECTOR), length: bytes(SECTOR) }],
    ],
  );
  const undo = await opened(saved.path);
  const into = new Uint8Array(4 * SECTOR);
  const [, block] = undo.description.blocks;
  if (block === undefined) throw new Error('no block');
  await undo.readBefore(block, 0, into);
  const expected = numbered(4 * SECTOR, 8).fill(0, SECTOR, 3 * SECTOR);
  assert.equal(Buffer.from(into), expected);
  await undo.close();
});

test('the device is only read', async () => {
  const device = new LogDevice(numberedDevice(200));
  const targets = [{ side: 'spare' as const, device, phases: PHASES }];
  await saveUndo({ ...request(scratch.path('log.undo')), targets });
  assert.equal([device.count('read'), device.count('write'), device.count('flush')], [3, 0, 0]);
});

test('a full file system: refused, and nothing is left behind', async () => {
  needs('root', 'mount');
  const folder = scratch.folderAt('full');
  scratch.mount('-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', folder);
  const device = numberedDevice(400);
  const error = await fails(
    'undo-unavailable',
    saveUndo({
      ...request(`${folder}/a.undo`),
      targets: [{ side: 'spare', device, phases: phasesOf([[0, 400, 1]]) }],
      description: descriptionFor(device.size),
    }),
    /no space is left there \(ENOSPC\)/,
  );
  assert.match(error.hint ?? '', /--undo-file FILE/);
  assert.is(error.data['errno'], 'ENOSPC');
  assert.equal(readdirSync(folder), []);
  await saveUndo(request(`${folder}/small.undo`));
});

test('a folder that may not be written, is read-only, or is not there', async () => {
  needs('root', 'mount');
  const folder = scratch.folderAt('mine');
  await asNobody(() =>
    fails('undo-unavailable', saveUndo(request(`${folder}/a.undo`)), /not allowed \(EACCES\)/),
  );
  scratch.mount('-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder);
  await fails('undo-unavailable', saveUndo(request(`${folder}/a.undo`)), /read-only \(EROFS\)/);
  await fails('undo-unavailable', saveUndo(request(scratch.path('no/a.undo'))), /no such folder/);
  assert.is(existsSync(scratch.path('no')), false);
});

test('a file that cannot be had, and what is no file', async () => {
  needs('root', 'mkfifo');
  const path = scratch.path('a.undo');
  await saveUndo(request(path));
  run('chmod', '755', scratch.folder);
  await asNobody(() => fails('permission', openUndo(path)));
  await fails('usage', openUndo(scratch.path('none.undo')), /no such undo file/);
  run('mkfifo', scratch.path('fifo.undo'));
  await fails('usage', openUndo(scratch.path('fifo.undo')), /no plain file/);
  await fails('usage', openUndo(scratch.folder), /no plain file/);
});

test('a damaged file is refused when it is opened', async () => {
  const path = scratch.path('a.undo');
  await saveUndo(request(path));
  const whole = readFileSync(path);
  for (const at of [0, 17, 5000, whole.length - 2]) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    writeFileSync(path, damaged);
    assert.ok(isRefusal(await openUndo(path)), `byte ${at}`);
  }
  for (const length of [0, 100, 4096, 6000, whole.length - 1]) {
    writeFileSync(path, whole.subarray(0, length));
    assert.ok(isRefusal(await openUndo(path)), `${length} bytes`);
    assert.ok(isRefusal(await peekUndo(path)), `${length} bytes`);
  }
});
