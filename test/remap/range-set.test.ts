import fc from 'fast-check';
import { RangeSet } from '../../src/remap/range-set.js';
import { assert, suite } from '../support/harness.js';

const test = suite('range set');

const SIZE = 24;

const change = fc.record({
  add: fc.boolean(),
  from: fc.nat(SIZE - 1),
  length: fc.nat(8),
});

test('what is added and removed is in it, in as few ranges as there can be', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const set = new RangeSet();
      const expected = new Array<boolean>(SIZE + 8).fill(false);
      for (const { add, from, length } of changes) {
        if (add) set.add(from, from + length);
        else set.remove(from, from + length);
        expected.fill(add, from, from + length);
      }
      const members = expected.map((_, number) => set.overlaps(number, number + 1));
      assert.equal(members, expected);
      const runs = expected.filter((is, number) => is && expected[number - 1] !== true).length;
      assert.is(set.ranges().length, runs);
      assert.is(set.isEmpty, runs === 0);
      const first = expected.indexOf(true);
      assert.is(set.next(0), first < 0 ? Number.POSITIVE_INFINITY : first);
    }),
  );
});

const range = fc
  .record({ from: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 8 }) })
  .map(({ from, length }) => [from, from + length] as const);
const ranges = fc.array(range, { maxLength: 12 });

test('many at a time are added as one by one', () => {
  fc.assert(
    fc.property(ranges, ranges, (before, added) => {
      const [set, expected] = [new RangeSet(), new RangeSet()];
      for (const [from, end] of before) {
        set.add(from, end);
        expected.add(from, end);
      }
      for (const [from, end] of added) expected.add(from, end);
      set.addAll([...added].sort((a, b) => a[0] - b[0]));
      assert.equal(set.ranges(), expected.ranges());
    }),
  );
});
