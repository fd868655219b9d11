import fc from 'fast-check';
import {
  compactTable,
  encodeEntries,
  isRenumbered,
  RemapTable,
  renumberEntries,
} from '../../src/format/entry.js';
import { buildTable, type Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** Tables as bytes: exact at both ends of 64 bits, and compacted as removals would. */

const test = suite('entry');
const RUNS = { seed: 20_231_007, numRuns: 1000 };

const EMPTY = 2n ** 64n - 1n;
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: EMPTY }),
  fc.constantFrom(
    0n,
    1n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    EMPTY - 1n,
    EMPTY,
  ),
);
const entries = fc.array(fc.tuple(word, word), { maxLength: 30 });

/** With many holes among few values, so that holes lie side by side, first and last. */
const holey = fc.array(
  fc.tuple(fc.constantFrom(EMPTY, EMPTY, 7n, 8n, 9n), fc.bigInt({ min: 0n, max: 99n })),
  {
    maxLength: 24,
  },
);

function listOf(table: RemapTable): [bigint, bigint][] {
  return Array.from({ length: table.count }, (_, index) => [
    table.exactMainSector(index),
    table.exactSpareSector(index),
  ]);
}

test('entries are the bytes of the independent builder', () => {
  const property = fc.property(entries, (list) => {
    const expected = buildTable(list);
    assert.equal(encodeEntries(list), new Uint8Array(expected));
    assert.equal(listOf(new RemapTable(expected)), list);
  });
  fc.assert(property, RUNS);
});

test('sectors are exact numbers below 2^53, and beyond every device from there on', () => {
  const property = fc.property(entries, (list) => {
    const table = new RemapTable(buildTable(list));
    list.forEach(([main, spare], index) => {
      for (const [number, exact] of [
        [table.mainSector(index), main],
        [table.spareSector(index), spare],
      ] as const) {
        if (exact < 2n ** 53n) assert.is(BigInt(number), exact);
        else assert.ok(number >= 2 ** 53, `${exact} became ${number}`);
      }
    });
  });
  fc.assert(property, RUNS);
});

test('an empty slot is the one value of all', () => {
  const list: Entry[] = [
    [EMPTY, 5],
    [EMPTY - 1n, 5],
    [0xffff_ffff, 5],
    [0xffff_ffffn << 32n, 5],
    [0, EMPTY],
  ];
  const table = new RemapTable(buildTable(list));
  assert.equal(
    list.map((_, index) => table.isEmpty(index)),
    [true, false, false, false, false],
  );
  assert.equal([...table.live()], [1, 2, 3, 4]);
});

test('a table in the midst of other bytes', () => {
  const table = buildTable([
    [1, 2],
    [3, 4],
  ]);
  const around = Buffer.concat([Buffer.alloc(3, 0xff), table, Buffer.alloc(5, 0xff)]);
  assert.equal(listOf(new RemapTable(around.subarray(3, 3 + 32))), [
    [1n, 2n],
    [3n, 4n],
  ]);
  assert.throws(() => new RemapTable(around), RangeError);
  assert.is(new RemapTable(new Uint8Array(0)).count, 0);
});

/** Section 1: removal moves the last one into the hole. Holes are removed one by one, from the front. */
function removed(list: readonly (readonly [bigint, bigint])[]): (readonly [bigint, bigint])[] {
  const left = [...list];
  for (let hole = left.findIndex(isHole); hole >= 0; hole = left.findIndex(isHole)) {
    const last = left.pop();
    if (last !== undefined && hole < left.length) left[hole] = last;
  }
  return left;
}

function isHole([main]: readonly [bigint, bigint]): boolean {
  return main === EMPTY;
}

test('compacting is removing every empty slot', () => {
  const property = fc.property(holey, (list) => {
    const before = buildTable(list);
    const table = new RemapTable(new Uint8Array(before));
    const compacted = compactTable(table);
    assert.equal(listOf(compacted), removed(list));
    assert.equal(new Uint8Array(before), table.bytes, 'the table itself was changed');
  });
  fc.assert(property, { ...RUNS, numRuns: 5000 });
});

test('what is live before and after is the same, and nothing is empty', () => {
  const property = fc.property(holey, (list) => {
    const compacted = listOf(compactTable(new RemapTable(buildTable(list))));
    const sorted = (rows: readonly (readonly [bigint, bigint])[]) => rows.map(String).sort();
    assert.equal(sorted(compacted), sorted(list.filter((entry) => !isHole(entry))));
    assert.not(compacted.some(isHole));
    const whole = list.findIndex(isHole);
    const kept = whole < 0 ? list.length : whole;
    assert.equal(compacted.slice(0, kept), list.slice(0, kept), 'entries before the first hole stay');
  });
  fc.assert(property, { ...RUNS, numRuns: 5000 });
});

test('live entries are ordered by the sectors of either side, exactly, equal ones as they lie', () => {
  const property = fc.property(entries, (list) => {
    const table = new RemapTable(buildTable(list));
    for (const [side, column] of [
      ['main', 0],
      ['spare', 1],
    ] as const) {
      const expected = list
        .map((entry, index) => ({ sector: entry[column], index, isLive: entry[0] !== EMPTY }))
        .filter(({ isLive }) => isLive)
        .sort((a, b) => (a.sector < b.sector ? -1 : a.sector > b.sector ? 1 : a.index - b.index))
        .map(({ index }) => index);
      assert.equal([...table.sortedIndices(side)], expected);
    }
  });
  fc.assert(property, RUNS);
});

test('entries are renumbered in the order given, beyond 32 bits too', () => {
  const property = fc.property(entries, fc.constantFrom(0, 2 ** 32 - 2, 2 ** 40), (list, start) => {
    const table = new RemapTable(buildTable(list));
    const order = Uint32Array.from(list.keys()).reverse();
    const expected = list.toReversed().map(([main], place): Entry => [main, BigInt(start + place)]);
    const renumbered = renumberEntries(table, order, start);
    assert.equal(renumbered, new Uint8Array(buildTable(expected)));
    assert.ok(isRenumbered(new RemapTable(renumbered), table, order, start));
  });
  fc.assert(property, RUNS);
});

test('a table that differs in one byte, or in how many there are, is not the renumbered one', () => {
  const table = new RemapTable(
    buildTable([
      [1, 2],
      [2 ** 40, 3],
      [5, 4],
    ]),
  );
  const order = Uint32Array.from([2, 0, 1]);
  const right = renumberEntries(table, order, 2 ** 32 - 1);
  for (let at = 0; at < right.length; at++) {
    const wrong = new Uint8Array(right);
    wrong[at] = (wrong[at] ?? 0) ^ 1;
    assert.not.ok(isRenumbered(new RemapTable(wrong), table, order, 2 ** 32 - 1), `byte ${at}`);
  }
  assert.not.ok(isRenumbered(new RemapTable(right.slice(16)), table, order, 2 ** 32 - 1));
  assert.not.ok(isRenumbered(new RemapTable(right), table, order.subarray(1), 2 ** 32 - 1));
});

test('live entries are counted', () => {
  const property = fc.property(holey, (list) => {
    const table = new RemapTable(buildTable(list));
    assert.is(table.liveCount, list.filter(([main]) => main !== EMPTY).length);
    assert.equal([...table.liveIndices()], [...table.live()]);
  });
  fc.assert(property, RUNS);
});
