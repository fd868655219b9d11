import fc from 'fast-check';
import { duplicateIndices } from '../../../src/check/rules/duplicates.js';
import { encodeEntries, RemapTable } from '../../../src/format/entry.js';
import { assert, suite } from '../../support/harness.js';

/** Against the plain meaning: an entry whose sector another live entry has too. */

const test = suite('duplicate entries');

const EMPTY = 2n ** 64n - 1n;

function expected(entries: readonly (readonly [bigint, bigint])[], side: 0 | 1): number[] {
  const live = entries.flatMap((entry, index) =>
    entry[0] === EMPTY ? [] : [{ sector: entry[side], index }],
  );
  return live
    .filter(({ sector, index }) => live.some((other) => other.sector === sector && other.index !== index))
    .map(({ index }) => index);
}

/** Few values, so that they meet; neighbours; and some that plain numbers cannot tell apart. */
const sector = fc.oneof(
  fc.bigInt({ min: 0n, max: 40n }),
  fc.bigInt({ min: 2n ** 32n - 3n, max: 2n ** 32n + 3n }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 53n + 5n }),
  fc.bigInt({ min: EMPTY - 3n, max: EMPTY }),
);

test('are found, all of them and no others', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(sector, sector), { maxLength: 60 }), (entries) => {
      const table = new RemapTable(encodeEntries(entries));
      assert.equal(duplicateIndices(table, 'main'), expected(entries, 0));
      assert.equal(duplicateIndices(table, 'spare'), expected(entries, 1));
    }),
    { numRuns: 2000 },
  );
});

test('among sectors that ascend, and equal ones side by side', () => {
  const compare = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
  const ascending = fc.array(sector, { maxLength: 12 }).map((list) => list.sort(compare));
  fc.assert(
    fc.property(ascending, (sectors) => {
      const table = new RemapTable(encodeEntries(sectors.map((one) => [one, one])));
      const entries = sectors.map((one) => [one, one] as const);
      assert.equal(duplicateIndices(table, 'main'), expected(entries, 0));
      assert.equal(duplicateIndices(table, 'spare'), expected(entries, 1));
    }),
    { numRuns: 2000 },
  );
});

test('among sectors of which thousands share every bit of the filters', () => {
  // multiples of a high power of two: nothing but the high word tells them apart
  const entries = Array.from({ length: 5000 }, (_, index): [bigint, bigint] => [
    BigInt(index % 4999) << 40n,
    BigInt(index),
  ]);
  const table = new RemapTable(encodeEntries(entries));
  assert.equal(duplicateIndices(table, 'main'), [0, 4999]);
  assert.equal(duplicateIndices(table, 'spare'), []);
});
