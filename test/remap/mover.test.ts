import fc from 'fast-check';
import { LiveEntries } from '../../src/remap/live-entries.js';
import { type Move, Mover } from '../../src/remap/mover.js';
import { SpareSpace } from '../../src/remap/spare-space.js';
import { sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** New places for sectors of main, within the room of spare and table. */

const test = suite('mover');
const RUNS = { seed: 20_231_001, numRuns: 300 };

function parts({ capacity = 100, room = 64, blockSectors = 8, start = 16 } = {}) {
  const entries = new LiveEntries(capacity);
  const space = new SpareSpace(sectors(start), sectors(room), new Float64Array(0));
  const mover = new Mover(entries, space, blockSectors);
  const begin = (first: number, end: number) => mover.begin(sectors(first), sectors(end));
  return { entries, space, mover, begin };
}

test('a whole block gets adjacent sectors, two blocks too', () => {
  const { begin } = parts();
  assert.equal(begin(8, 24), [{ main: 8, spare: 16, count: 16 }]);
});

test('parts of blocks get single sectors, adjacent by chance', () => {
  const { begin } = parts({ start: 19 });
  assert.equal(begin(6, 17), [
    { main: 6, spare: 19, count: 2 },
    { main: 8, spare: 24, count: 8 },
    { main: 16, spare: 21, count: 1 },
  ]);
});

test('sectors that have an entry keep it', () => {
  const { entries, begin } = parts();
  entries.add(sectors(10), sectors(70));
  const moves = begin(8, 16);
  assert.equal(
    moves.flatMap(({ main, count }) => Array.from({ length: count }, (_, index) => main + index)),
    [8, 9, 11, 12, 13, 14, 15],
  );
});

test('an entry is made once its data has arrived, in adjacent slots', () => {
  const { entries, mover, begin } = parts();
  const [first] = begin(0, 8);
  const [second] = begin(30, 31);
  if (first === undefined || second === undefined) throw new Error('no place was found');
  assert.is(entries.count, 0);
  assert.is(mover.finish(second), 0);
  assert.is(mover.finish(first), 1);
  assert.is(entries.spareOf(sectors(30)), second.spare);
  for (let index = 0; index < 8; index++) {
    assert.is(entries.spareOf(sectors(index)), first.spare + index);
    assert.is(entries.mainAt(1 + index), index);
  }
});

test('a place that did not take its data is given to nobody', () => {
  const { mover, entries, begin } = parts({ room: 2, blockSectors: 1, capacity: 1 });
  const [lost] = begin(5, 6);
  mover.abandon(lost as Move);
  const [found] = begin(5, 6);
  assert.not.equal(found?.spare, lost?.spare);
  mover.finish(found as Move);
  assert.is(entries.count, 1);
});

test('places that are given back come after all others, one by one', () => {
  const { mover, begin, space } = parts({ room: 3, blockSectors: 1, capacity: 9 });
  const lost = begin(5, 7);
  for (const move of lost) mover.abandon(move);
  mover.giveBack(lost);
  assert.is(space.free, 3);
  assert.equal(begin(5, 9), [
    { main: 5, spare: 18, count: 1 },
    { main: 6, spare: 16, count: 2 },
  ]);
  assert.is(space.free, 0);
});

test('a full spare serves what comes first', () => {
  const { begin } = parts({ room: 5 });
  assert.equal(begin(0, 16), [{ main: 0, spare: 16, count: 5 }]);
  assert.equal(begin(100, 101), []);
});

test('a full table serves what comes first, moves under way counted', () => {
  const { begin, mover, entries } = parts({ capacity: 10 });
  const moves = begin(0, 16);
  assert.equal(moves, [{ main: 0, spare: 16, count: 10 }]);
  assert.equal(begin(100, 101), []);
  for (const move of moves) mover.finish(move);
  assert.ok(entries.isFull);
  assert.equal(begin(100, 101), []);
});

test('any requests: every sector one place, no place twice, nothing beyond the room', () => {
  const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 }));
  const property = fc.property(fc.array(range, { maxLength: 20 }), fc.constantFrom(1, 8), (ranges, block) => {
    const { entries, mover, begin } = parts({ blockSectors: block, capacity: 50, room: 60 });
    const model = new Map<number, number>();
    for (const [first, count] of ranges) {
      const wanted = Array.from({ length: count }, (_, index) => first + index);
      const homeless = wanted.filter((sector) => !model.has(sector));
      const served = Math.min(homeless.length, 50 - model.size);
      for (const move of begin(first, first + count)) {
        mover.finish(move);
        for (let index = 0; index < move.count; index++) model.set(move.main + index, move.spare + index);
      }
      assert.equal(wanted.filter((sector) => model.has(sector)).length, count - homeless.length + served);
    }
    assert.is(new Set(model.values()).size, model.size);
    for (const [main, spare] of model) {
      assert.is(entries.spareOf(sectors(main)), spare);
      assert.ok(spare >= 16 && spare < 76);
    }
  });
  fc.assert(property, RUNS);
});
