import { existsSync, writeFileSync } from 'node:fs';
import { DUMP_FORMATS, renderDump } from '../../src/cli/render/dump.js';
import type { BlockDevice } from '../../src/device/block-device.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { DumpReader } from '../../src/exchange/dump-document.js';
import {
  type Dump,
  dumpExitCode,
  dumpToFile,
  isComplete,
  openDump,
  prepareDump,
} from '../../src/operations/dump.js';
import type { Bytes } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry, type ImageSpec } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** A dump is called complete only where it is: nothing missing, and all of one moment. */

const test = suite('dump');
let scratch: Scratch;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

const TERMINAL = { color: false, unicode: true, width: 80, live: false };

/** 320 KiB of entries: three parts. */
const LARGE = 20_000;
const SMALL = 300;

function imageOf(count: number, generation: number, shift: number): Uint8Array {
  const entries = Array.from({ length: count }, (_, index): Entry => [index * 2 + shift, 2000 + index]);
  const spec: ImageSpec = {
    layout: 'redundant',
    sectors: 32_768,
    maxEntries: LARGE,
    entries,
    generation,
  };
  return new Uint8Array(buildImage(spec));
}

/** Takes the rest of a dump's table; `after` is called when the first part has been taken. */
async function take(dump: Dump, after: () => void = () => {}): Promise<bigint[]> {
  const sectors: bigint[] = [];
  for await (const { entries } of dump.table.parts()) {
    if (sectors.length === 0) after();
    for (const index of entries.live()) sectors.push(entries.exactMainSector(index));
  }
  return sectors;
}

test('metadata that stands still is complete', async () => {
  for (const count of [0, SMALL, LARGE]) {
    const dump = await prepareDump(new MemoryDevice(imageOf(count, 7, 0)));
    assert.is((await take(dump)).length, count);
    assert.equal([isComplete(dump), dumpExitCode(dump), dump.table.missing], [true, 0, 0]);
  }
});

test('a commit in the midst of a large table: what came out is a mixture, and that is said', async () => {
  const device = new MemoryDevice(imageOf(LARGE, 7, 0));
  const dump = await prepareDump(device);
  const sectors = await take(dump, () => device.content.set(imageOf(LARGE, 8, 1)));
  assert.is(sectors.length, LARGE);
  assert.equal([sectors[0], sectors.at(-1)], [0n, BigInt(LARGE * 2 - 1)], 'old and new entries');
  assert.equal([isComplete(dump), dumpExitCode(dump)], [false, 4]);
});

test('a table that is changed while the headers stand still is a mixture too', async () => {
  const device = new MemoryDevice(imageOf(LARGE, 7, 0));
  const dump = await prepareDump(device);
  // the last entry alone, as a change of a plain image does before it comes to the header
  await take(dump, () => device.content.fill(0xaa, 4096 + (LARGE - 1) * 16, 4096 + LARGE * 16));
  assert.equal([isComplete(dump), dumpExitCode(dump)], [false, 4]);
});

test('a commit while a small table is read: it is read again', async () => {
  const memory = new MemoryDevice(imageOf(SMALL, 7, 0));
  // the third read of the table: twice summed with the backup's, then taken for the dump
  const device = new ChangedAtTableRead(memory, 2, () => memory.content.set(imageOf(SMALL, 8, 1)));
  const dump = await prepareDump(device);
  const sectors = await take(dump);
  assert.is(device.changed, true);
  assert.equal([sectors[0], dump.copy.header.generation], [1n, 8]);
  assert.equal([isComplete(dump), dumpExitCode(dump)], [true, 0]);
});

/** Something else writes to the device just before the primary's table is read for the nth time. */
class ChangedAtTableRead extends FilterDevice {
  changed = false;
  #left: number;
  readonly #change: () => void;

  constructor(inner: BlockDevice, nth: number, change: () => void) {
    super(inner);
    this.#left = nth;
    this.#change = change;
  }

  override read(at: Bytes, into: Uint8Array): Promise<void> {
    if (at === 4096 && --this.#left === 0) {
      this.changed = true;
      this.#change();
    }
    return super.read(at, into);
  }
}

test('where no header can be read, that is what is said', async () => {
  const device = new ErrorDevice(new MemoryDevice(imageOf(SMALL, 7, 0)));
  device.addFault({ sector: 0, count: 8, on: 'read' });
  device.addFault({ sector: 32_768 - 8, count: 8, on: 'read' });
  const code = await prepareDump(device).then(
    () => 'dumped',
    (error) => (error instanceof DmremapError ? error.code : error),
  );
  assert.is(code, 'io');
});

test('entries that turn unreadable on the way are counted, and every format keeps its places', async () => {
  const memory = new MemoryDevice(imageOf(LARGE, 7, 0));
  const device = new ErrorDevice(memory);
  const dump = await prepareDump(device);
  assert.is(dump.table.missing, 0);
  device.addFault({ sector: 8 + 400, on: 'read' });
  const places: number[] = [];
  let count = 0;
  for await (const { at, entries } of dump.table.parts()) {
    places.push(at);
    count += entries.count;
  }
  assert.equal([dump.table.missing, count], [32, LARGE - 32], 'a sector holds 32 entries');
  assert.ok(places.includes((8 + 401) * SECTOR), 'what follows stands behind the hole');
  assert.equal([isComplete(dump), dumpExitCode(dump)], [false, 4]);
});

test('an incomplete dump says so in its last lines, and restore does not take it', async () => {
  const path = scratch.path('changing.img');
  writeFileSync(path, imageOf(LARGE, 7, 0));
  const open = await openDump(path);
  const reader = new DumpReader();
  let text = '';
  for await (const piece of renderDump('json', open, TERMINAL)) {
    if (text === '') writeFileSync(path, imageOf(LARGE, 8, 1));
    const part = Buffer.from(piece);
    reader.write(part);
    text += part.toString();
  }
  await open.close();
  assert.match(text, /"missing_entries": 0,\n {2}"exit_code": 4,\n {2}"complete": false\n\}\n$/);
  assert.is(JSON.parse(text).entries.length, LARGE);
  assert.throws(
    () => reader.finish(),
    (error: unknown) =>
      error instanceof DmremapError && error.code === 'usage' && /not complete/.test(error.message),
  );
});

test('a dump to a file is taken again until it is none of a mixture', async () => {
  for (const format of DUMP_FORMATS) {
    // nothing of these is given out before all is read
    if (format === 'badblocks' || format === 'ddrescue') continue;
    const path = scratch.path('busy.img');
    writeFileSync(path, imageOf(LARGE, 7, 0));
    const output = { path: scratch.path(`busy.${format}`), overwrite: false };
    let taken = 0;
    const { dump } = await dumpToFile(path, undefined, output, async function* (open) {
      taken++;
      let changed = taken > 1;
      for await (const piece of renderDump(format, open, TERMINAL)) {
        yield piece;
        if (!changed) writeFileSync(path, imageOf(LARGE, 8, 1));
        changed = true;
      }
    });
    assert.equal([taken, dump.copy.header.generation, isComplete(dump)], [2, 8, true], format);
  }
});

test('a device that never stands still leaves no file', async () => {
  const path = scratch.path('restless.img');
  writeFileSync(path, imageOf(LARGE, 7, 0));
  const output = { path: scratch.path('restless.json'), overwrite: false };
  let generation = 7;
  const outcome = await dumpToFile(path, undefined, output, async function* (open) {
    yield 'first ';
    generation++;
    writeFileSync(path, imageOf(LARGE, generation, generation % 2));
    yield* renderDump('json', open, TERMINAL);
  }).catch((error: unknown) => error);
  assert.ok(outcome instanceof DmremapError && outcome.code === 'busy', String(outcome));
  assert.not.ok(existsSync(output.path));
});
