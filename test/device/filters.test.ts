import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { SliceDevice } from '../../src/device/filters/slice-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { readPastCache } from '../../src/device/past-cache.js';
import { bytes } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { fails, numbered, Scratch } from './scratch.js';

const test = suite('filters');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

test('a filter is what it stands before', async () => {
  const inner = new MemoryDevice(numbered(8192), { name: 'disk', logicalBlockSize: 4096, writable: false });
  const log = new LogDevice(inner);
  assert.equal(
    [log.name, log.size, log.logicalBlockSize, log.physicalBlockSize, log.writable],
    ['disk', 8192, 4096, 4096, false],
  );
});

test('the log holds every request, and what was written as it was', async () => {
  const log = new LogDevice(new MemoryDevice(numbered(8192)));
  const data = Buffer.alloc(512, 7);
  await log.write(bytes(1024), data);
  data.fill(9);
  await log.flush();
  await log.read(bytes(0), Buffer.alloc(4096));
  await log.readPastCache(bytes(512), Buffer.alloc(512));
  await fails('no-space', log.write(bytes(8192), data));
  await log.close();
  assert.equal(log.lines(), [
    'write 1024+512',
    'flush',
    'read 0+4096',
    'read 512+512',
    'write 8192+512',
    'close',
  ]);
  assert.is(log.count('write'), 2);
  const [first, , , past] = log.requests;
  assert.ok(first?.kind === 'write' && first.data.every((byte) => byte === 7));
  assert.ok(past?.kind === 'read' && past.pastCache);
});

test('bad sectors fail as told', async () => {
  const content = numbered(64 * 512);
  const errors = new ErrorDevice(new MemoryDevice(content, { name: 'disk' }));
  errors.addFault({ sector: 10, count: 2, on: 'read' });
  errors.addFault({ sector: 20, on: 'write', errno: 'ENOSPC' });
  errors.addFault({ sector: 30, times: 2 });
  await fails(
    'io',
    errors.read(bytes(9 * 512), Buffer.alloc(1024)),
    /disk: read failed at sector 10 .*: EIO/,
  );
  await fails('io', errors.readPastCache(bytes(11 * 512), Buffer.alloc(512)), /sector 11/);
  await errors.read(bytes(9 * 512), Buffer.alloc(512));
  await errors.read(bytes(12 * 512), Buffer.alloc(512));
  await errors.write(bytes(10 * 512), Buffer.alloc(1024));
  await fails('no-space', errors.write(bytes(18 * 512), Buffer.alloc(4 * 512, 1)), /sector 20 .*ENOSPC/);
  assert.equal(
    [18, 19, 20, 21].map((sector) => content.readUInt32LE(sector * 512)),
    [0x01010101, 0x01010101, 21, 22],
    'what came before the bad sector is written',
  );
  await errors.read(bytes(20 * 512), Buffer.alloc(512));
  await fails('io', errors.read(bytes(30 * 512), Buffer.alloc(512)), /sector 30/);
  await fails('io', errors.write(bytes(30 * 512), Buffer.alloc(512)), /sector 30/);
  await errors.read(bytes(30 * 512), Buffer.alloc(512));
  assert.equal(errors.failed, { reads: 3, writes: 2, flushes: 0 });
});

test('flushes fail as told', async () => {
  const errors = new ErrorDevice(new MemoryDevice(numbered(4096)));
  await errors.flush();
  errors.failFlushes(1);
  await fails('io', errors.flush(), /flush failed: EIO/);
  await errors.flush();
  errors.failFlushes();
  await fails('io', errors.flush());
  await fails('io', errors.flush());
  errors.clearFaults();
  await errors.flush();
  assert.is(errors.failed.flushes, 3);
});

test('a slice is a device of its own', async () => {
  const content = numbered(64 * 512);
  const inner = new MemoryDevice(content);
  const slice = new SliceDevice(inner, bytes(8 * 512), bytes(16 * 512));
  assert.is(slice.size, 16 * 512);
  const into = Buffer.alloc(1024);
  await slice.read(bytes(14 * 512), into);
  assert.equal(into, numbered(1024, 22));
  await slice.write(bytes(0), Buffer.alloc(512, 0xee));
  assert.is(content[8 * 512], 0xee);
  await fails('io', slice.read(bytes(15 * 512), into), /sector 23/);
  await fails('io', slice.readPastCache(bytes(16 * 512), into), /sector 24/);
  await fails('no-space', slice.write(bytes(16 * 512), into), /sector 24/);
  assert.throws(() => new SliceDevice(inner, bytes(1), bytes(512)), /no stretch/);
  assert.throws(() => new SliceDevice(inner, bytes(512), bytes(64 * 512)), /no stretch/);
});

test('reading past the cache goes through filters', async () => {
  const file = await openDevice(scratch.image('a.img', 8192), { mode: 'read' });
  const into = Buffer.alloc(512);
  const stack = new LogDevice(new ErrorDevice(new SliceDevice(file, bytes(4096), bytes(4096))));
  assert.is(await readPastCache(stack, bytes(512), into), true);
  assert.equal(into, numbered(512, 9));
  await stack.close();
  assert.is(await readPastCache(new LogDevice(new MemoryDevice(numbered(4096))), bytes(0), into), false);
  assert.equal(into, numbered(512));
});
