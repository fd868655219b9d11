import fc from 'fast-check';
import { BATCH_SIZE, batches, type Pairs } from '../../../src/device/carry/batches.js';
import { carry, compare } from '../../../src/device/carry/carry.js';
import { ConcurrentFile } from '../../../src/device/concurrent-file.js';
import { ErrorDevice } from '../../../src/device/filters/error-device.js';
import { FilterDevice } from '../../../src/device/filters/filter-device.js';
import { LogDevice } from '../../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../../src/device/memory-device.js';
import { openDevice } from '../../../src/device/open.js';
import { type Bytes, bytes } from '../../../src/units.js';
import { assert, suite } from '../../support/harness.js';
import { fails, numbered, Scratch } from '../scratch.js';

const test = suite('carry');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const SECTORS = 32_768;

function pairsOf(list: readonly (readonly [from: number, to: number])[]): Pairs {
  const at = (index: number) => list[index] ?? [0, 0];
  return { count: list.length, from: (index) => at(index)[0], to: (index) => at(index)[1] };
}

/** Sectors 0…count of `from` on, each to the same place plus `shift`. */
function stretch(from: number, count: number, shift: number): Pairs {
  return { count, from: (index) => from + index, to: (index) => from + index + shift };
}

function source(): ErrorDevice {
  return new ErrorDevice(new MemoryDevice(numbered(SECTORS * 512), { name: 'source' }));
}

function target(blockSize = 512): MemoryDevice {
  return new MemoryDevice(Buffer.alloc(SECTORS * 512, 0xee), { name: 'target', logicalBlockSize: blockSize });
}

/** A device of 4096-byte blocks, of which no part can be written. */
class Blocks extends FilterDevice {
  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    assert.is(at % 4096, 0);
    assert.is(from.length % 4096, 0);
    await new Promise((resolve) => setTimeout(resolve, 1));
    await super.write(at, from);
  }
}

const sector = fc.integer({ min: 0, max: SECTORS - 1 });

test('every sector comes to its place and nothing else is written', async () => {
  const list = fc.uniqueArray(fc.tuple(sector, sector), { maxLength: 300, selector: ([, to]) => to });
  const runs = list.map((some) => some.flatMap(([from, to]) => run(from, to)));
  await fc.assert(
    fc.asyncProperty(runs, fc.constantFrom(512, 4096), async (some, blockSize) => {
      const once = new Map(some.map(([from, to]) => [to, from]));
      const pairs = pairsOf([...once].map(([to, from]) => [from, to]));
      const device = target(blockSize);
      const expected = Buffer.from(device.content);
      for (const [to, from] of once) numbered(512, from).copy(expected, to * 512);
      const written = blockSize === 512 ? device : new Blocks(device);
      assert.equal(await carry({ source: source(), target: written, pairs }), []);
      assert.equal(Buffer.from(device.content), expected);
      assert.equal(await compare({ source: source(), target: device, pairs }), {
        differing: [],
        unreadable: [],
      });
    }),
    { numRuns: 40 },
  );
});

/** Some neighbours of a pair, so that there is something to join. */
function run(from: number, to: number): [number, number][] {
  const count = Math.min(1 + (from % 9), SECTORS - from, SECTORS - to);
  return Array.from({ length: count }, (_, index) => [from + index, to + index]);
}

test('adjacent sectors are joined up to the size of a batch', () => {
  const all = [...batches(stretch(3, 8000, 8), 0, 8000)];
  assert.equal(
    all.map(({ first, to, count, runs }) => [first, to, count, runs.starts.length]),
    [
      [0, 11, 2037, 1],
      [2037, 2048, 2048, 1],
      [4085, 4096, 2048, 1],
      [6133, 6144, 1867, 1],
    ],
  );
  assert.is(BATCH_SIZE, 2048 * 512);
});

test('a batch of scattered sectors ends where it reads by a thousand requests', () => {
  const pairs: Pairs = { count: 3000, from: (index) => index * 3, to: (index) => index };
  assert.equal(
    [...batches(pairs, 0, 3000)].map(({ first, to, count, runs }) => [first, to, count, runs.starts.length]),
    [
      [0, 0, 1024, 1024],
      [1024, 1024, 1024, 1024],
      [2048, 2048, 952, 952],
    ],
  );
});

test('scattered sectors are written together where their places are adjacent', async () => {
  const pairs: Pairs = { count: 500, from: (index) => index * 3, to: (index) => 512 + index };
  const log = new LogDevice(target());
  await carry({ source: source(), target: log, pairs });
  assert.equal(log.lines(), [`write ${512 * 512}+${500 * 512}`]);
});

test('sectors that cannot be read are told, and zero on the target', async () => {
  const from = source();
  from.addFault({ sector: 100, count: 2, on: 'read' });
  from.addFault({ sector: 1500, on: 'read', times: 3 });
  const device = target();
  const pairs = stretch(50, 2000, 7);
  assert.equal(await carry({ source: from, target: device, pairs }), [50, 51]);
  const expected = numbered(2000 * 512, 50);
  expected.fill(0, 50 * 512, 52 * 512);
  assert.equal(Buffer.from(device.content.subarray(57 * 512, 2057 * 512)), expected);
  assert.equal(await compare({ source: from, target: device, pairs }), {
    differing: [],
    unreadable: [50, 51],
  });
});

test('what differs is told by its index', async () => {
  const device = target();
  const pairs = stretch(0, 3000, 0);
  await carry({ source: source(), target: device, pairs });
  for (const [index, place] of [0, 511, 512, 2999].entries())
    device.content.fill(1, place * 512 + index + 8, place * 512 + index + 9);
  const found = await compare({ source: source(), target: device, pairs });
  assert.equal(found, { differing: [0, 511, 512, 2999], unreadable: [] });
  const part = await compare({ source: source(), target: device, pairs, first: 1, end: 512 });
  assert.equal(part.differing, [511]);
});

test('a target that fails ends it, and so does a source that is gone', async () => {
  const failing = new ErrorDevice(target());
  failing.addFault({ sector: 1000, on: 'write' });
  await fails('io', carry({ source: source(), target: failing, pairs: stretch(0, 3000, 0) }), /target/);
  const gone = source();
  gone.addFault({ sector: 1000, errno: 'ENODEV' });
  await fails('io', carry({ source: gone, target: target(), pairs: stretch(0, 3000, 0) }), /source.*ENODEV/);
  failing.clearFaults();
  failing.addFault({ sector: 70, on: 'read' });
  await fails('io', compare({ source: source(), target: failing, pairs: stretch(0, 100, 0) }), /target/);
});

test('it stops between batches, and what was begun is whole', async () => {
  const stop = new AbortController();
  const device = target();
  let done = 0;
  const carrying = carry({
    source: source(),
    target: device,
    pairs: stretch(0, SECTORS, 0),
    signal: stop.signal,
    progress: (more) => {
      done += more;
      stop.abort(new Error('enough'));
    },
  });
  await carrying.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'enough'),
  );
  assert.ok(done > 0 && done < SECTORS * 512);
  assert.equal(Buffer.from(device.content.subarray(0, done)), numbered(done));
});

test('files, with direct writes', async () => {
  const [from, to] = [scratch.image('a', 8 << 20), scratch.image('b', 8 << 20)];
  const a = await ConcurrentFile.open(await openDevice(from, { mode: 'read' }), 'writeback');
  const b = await ConcurrentFile.open(await openDevice(to, { mode: 'exclusive' }), 'direct');
  const pairs: Pairs = { count: 3000, from: (index) => index * 5 + (index % 2), to: (index) => 16 + index };
  assert.equal(await carry({ source: a, target: b, pairs }), []);
  await b.flush();
  assert.equal(await compare({ source: a, target: b, pairs }), { differing: [], unreadable: [] });
  const read = Buffer.alloc(512);
  await b.read(bytes((16 + 777) * 512), read);
  assert.equal(read, numbered(512, 777 * 5 + 1));
  await a.close();
  await b.close();
});
