import fc from 'fast-check';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { RemapTable } from '../../src/format/entry.js';
import { type Content, contentOf } from '../../src/store/content.js';
import { type Change, type NewEntry, stepBetween, stepOf } from '../../src/store/step.js';
import { MetadataWriter } from '../../src/store/writer.js';
import { bitwiseCrc } from '../format/bitwise-crc.js';
import { buildImage, buildTable, type Entry, headerAt } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** What a change makes of a table, against a table that is changed entry by entry. */

const test = suite('step');
const NOW = 1_750_000_000n;
const MAX = 900;

function contentWith(count: number): Content {
  const entries = Array.from({ length: count }, (_, index): Entry => [index * 9, 100 + index]);
  const image = buildImage({ layout: 'redundant', sectors: 2048, maxEntries: MAX, entries });
  const table = new RemapTable(new Uint8Array(buildTable(entries)));
  return contentOf(new Uint8Array(headerAt(image, 0)), table);
}

/** Section 1 of format.md: an entry that goes leaves a hole, into which the last one moves. */
function changedByHand(count: number, { edit = new Map(), remove = [], append = [] }: Change): NewEntry[] {
  const entries = Array.from({ length: count }, (_, index): NewEntry => [index * 9, 100 + index]);
  for (const [slot, entry] of edit) entries[slot] = entry;
  const going = remove.map((slot) => entries[slot]).filter((entry) => entry !== undefined);
  for (const entry of going) {
    const last = entries.pop();
    const hole = entries.indexOf(entry);
    if (hole >= 0 && last !== undefined) entries[hole] = last;
  }
  return [...entries, ...append];
}

/** The order means nothing. */
const told = (entries: Iterable<NewEntry>) => [...entries].map(([main, spare]) => `${main}→${spare}`).sort();

const changes = fc
  .record({
    count: fc.integer({ min: 0, max: 800 }),
    edits: fc.array(fc.nat(799), { maxLength: 6 }),
    removals: fc.array(fc.nat(799), { maxLength: 300 }),
    appended: fc.integer({ min: 0, max: 100 }),
  })
  .map(({ count, edits, removals, appended }) => {
    const remove = [...new Set(removals.filter((slot) => slot < count))];
    const edit = new Map(
      edits.filter((slot) => slot < count).map((slot): [number, NewEntry] => [slot, [slot * 9, 1200 + slot]]),
    );
    const append = Array.from({ length: appended }, (_, index): NewEntry => [90_000 + index, 1000 + index]);
    return { count, change: { edit, remove, append } satisfies Change };
  });

test('the blocks and the sum are those of the whole table', () => {
  const property = fc.property(changes, ({ count, change }) => {
    const content = contentWith(count);
    const { after, blocks, atomic } = stepOf(content, change, NOW);
    const expected = changedByHand(count, change);
    const table = Buffer.alloc(expected.length * 16);
    content.table.bytes.forEach((byte, at) => {
      if (at < table.length) table[at] = byte;
    });
    for (const { offset, bytes } of blocks) {
      assert.is(bytes.length, 4096);
      table.set(bytes.subarray(0, table.length - offset), offset);
    }
    const made = new RemapTable(new Uint8Array(table));
    assert.equal(
      told(Array.from(made.live(), (slot) => [made.mainSector(slot), made.spareSector(slot)] as const)),
      told(expected),
    );
    assert.is(after.header.entry_count, expected.length);
    assert.is(after.tableCrc, bitwiseCrc(table));
    const compared = stepBetween(content, contentOf(after.block, made));
    assert.equal(
      compared.blocks.map(({ offset }) => offset).filter((at) => !blocks.some(({ offset }) => offset === at)),
      [],
      'no block that differs is left out',
    );
    assert.ok(!atomic || compared.atomic);
  });
  fc.assert(property, { seed: 20_231_004, numRuns: 120 });
});

test('what cannot be is refused', () => {
  const content = contentWith(10);
  const refused = (change: Change, why: RegExp) => assert.throws(() => stepOf(content, change, NOW), why);
  refused({ remove: [10] }, /slot 10/);
  refused({ remove: [-1] }, /slot -1/);
  refused({ edit: new Map([[1.5, [1, 1]]]) }, /slot 1.5/);
  refused(
    { append: Array.from({ length: 891 }, (_, index): NewEntry => [index, 2000 + index]) },
    /901 entries/,
  );
  refused({ remove: [3], append: [[7, 103]] }, /spare sector 103 is left and taken/);
  refused({ remove: [3], edit: new Map([[4, [36, 103]]]) }, /spare sector 103/);
  refused(
    {
      edit: new Map([
        [4, [36, 103]],
        [3, [27, 104]],
      ]),
    },
    /spare sector/,
  );
});

test('one remap more in a table of a million writes a constant number of blocks', async () => {
  const count = 1_000_000;
  const entries = Array.from({ length: count }, (_, index): Entry => [index * 7, 40_000 + index]);
  const image = buildImage({
    layout: 'redundant',
    sectors: 1_100_000,
    maxEntries: count + 1000,
    mainSectors: 2 ** 24,
    entries,
  });
  const log = new LogDevice(new MemoryDevice(image));
  const writer = await MetadataWriter.open(log);
  log.requests.length = 0;
  const started = performance.now();
  for (let index = 0; index < 500; index++) {
    const { kind } = await writer.commit({ append: [[5 + index * 7, 1_050_000 + index]] }, NOW);
    assert.is(kind, 'committed');
  }
  const each = (performance.now() - started) / 500;
  assert.is(log.count('read'), 0);
  assert.is(log.count('flush'), 2 * 500);
  const lengths = log.requests.flatMap((request) => (request.kind === 'write' ? [request.data.length] : []));
  assert.is(lengths.length, 4 * 500, 'a block of the table and the header, in each copy');
  assert.ok(lengths.every((length) => length === 4096));
  // a sum over 16 MB takes 20 ms and more
  assert.ok(each < 10, `${each} ms each`);
  const { n, truth } = judge(image);
  assert.equal([n, truth?.length], [0, count + 500]);
});
