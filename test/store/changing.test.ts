import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { isValid } from '../../src/store/copy.js';
import { loadCopies, readTable } from '../../src/store/load.js';
import { loadChoice } from '../../src/store/load-choice.js';
import type { Bytes } from '../../src/units.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** Metadata that somebody else commits to while it is read, without a lock that would keep him out. */

const test = suite('changing metadata');

const entriesAt = (generation: number): Entry[] =>
  Array.from({ length: generation }, (_, index): Entry => [index * 3 + generation, 100 + index]);

function imageAt(generation: number): Buffer {
  return buildImage({ layout: 'redundant', sectors: 1024, generation, entries: entriesAt(generation) });
}

/** Commits the next generation whenever `when` says so of a read; whole commits, one after the other. */
class CommittingDevice extends FilterDevice {
  readonly #memory: MemoryDevice;
  readonly #when: (reads: number, at: number) => boolean;
  generation = 1;
  reads = 0;

  constructor(when: (reads: number, at: number) => boolean) {
    const memory = new MemoryDevice(new Uint8Array(imageAt(1)));
    super(memory);
    this.#memory = memory;
    this.#when = when;
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    if (this.#when(++this.reads, at)) this.#memory.content.set(imageAt(++this.generation));
    return super.read(at, into);
  }
}

async function loadedFrom(device: CommittingDevice): Promise<void> {
  const { primary, backups, sameTable } = await loadCopies(device);
  const [backup] = backups;
  assert.ok(backup !== undefined && isValid(primary) && isValid(backup), 'both copies are valid');
  assert.equal([primary.header.generation, backup.header.generation], [device.generation, device.generation]);
  assert.ok(sameTable(primary, backup));
  const table = await readTable(device, primary);
  assert.is(table.count, device.generation);
}

test('nothing changes: every place is read once and looked at again', async () => {
  const device = new CommittingDevice(() => false);
  await loadedFrom(device);
  // two headers, two tables, two headers again; then the table by itself
  assert.is(device.reads, 7);
});

test('a commit at any point of the reading is seen', async () => {
  for (let point = 1; point <= 6; point++) {
    const device = new CommittingDevice((reads) => reads === point);
    await loadedFrom(device);
    assert.is(device.generation, 2, `at read ${point}`);
  }
});

test('several commits, one after each reading, are waited for', async () => {
  const device = new CommittingDevice((reads) => reads % 6 === 3 && reads < 24);
  await loadedFrom(device);
  assert.is(device.generation, 5);
});

test('metadata that never stands still is busy', async () => {
  const device = new CommittingDevice((_, at) => at === 0);
  const error: unknown = await loadCopies(device).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError, 'it was loaded');
  assert.is(error.code, 'busy');
  assert.match(error.message, /kept changing/);
  assert.ok(device.generation < 40, `${device.generation} commits were read`);
});

async function chosenFrom(device: CommittingDevice): Promise<void> {
  const { choice, table } = await loadChoice(device);
  assert.is(choice.chosen?.header.generation, device.generation);
  const mains = Array.from({ length: table?.count ?? 0 }, (_, index) => table?.mainSector(index));
  assert.equal(
    mains,
    entriesAt(device.generation).map(([main]) => main),
  );
}

test('the entries are those of the chosen header, whenever a commit comes between', async () => {
  for (let point = 1; point <= 9; point++) {
    const device = new CommittingDevice((reads) => reads === point);
    await chosenFrom(device);
    assert.is(device.generation, 2, `at read ${point}`);
  }
  // the table of the chosen copy, and then the one of the next attempt
  const twice = new CommittingDevice((reads) => reads === 7 || reads === 14);
  await chosenFrom(twice);
});

test('entries that never belong to the header that was read are not given', async () => {
  const device = new CommittingDevice((reads) => reads % 8 === 7);
  const error: unknown = await loadChoice(device).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError);
  assert.is(error.code, 'busy');
});
