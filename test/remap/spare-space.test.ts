import fc from 'fast-check';
import { SpareSpace } from '../../src/remap/spare-space.js';
import { sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** Which sectors of the spare are given away, against a model that is a set of each kind. */

const test = suite('spare space');
const RUNS = { seed: 20_231_001, numRuns: 500 };

const START = 11;
const COUNT = 40;

function space(used: readonly number[] = []): SpareSpace {
  return new SpareSpace(sectors(START), sectors(COUNT), Float64Array.from(used).sort());
}

test('one after the other, around what is in use', () => {
  const spare = space([12, 11, 14]);
  assert.equal(
    [spare.take(), spare.take(), spare.take()],
    [13, 15, 16].map((sector) => sectors(sector)),
  );
});

test('a block is adjacent and begins at a multiple of its length; what is passed over is taken later', () => {
  const spare = space([18]);
  assert.is(spare.takeBlock(8), 24);
  const passed = Array.from({ length: 12 }, () => spare.take());
  assert.equal(
    passed.sort(),
    [11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23].map((sector) => sectors(sector)),
  );
  assert.is(spare.take(), 32);
});

test('a sector that was left is free after the next commit, and comes after those never used', () => {
  const spare = space(Array.from({ length: COUNT - 1 }, (_, index) => START + index));
  spare.release(sectors(12));
  assert.is(spare.free, 1);
  assert.is(spare.take(), START + COUNT - 1);
  assert.is(spare.take(), undefined);
  const covered = spare.leaving;
  spare.release(sectors(13));
  spare.committed(covered);
  assert.is(spare.free, 1);
  assert.is(spare.take(), 12);
  assert.is(spare.take(), undefined);
});

test('a block of freed sectors begins at a multiple of its length too', () => {
  const spare = space(Array.from({ length: COUNT }, (_, index) => START + index));
  for (let sector = 13; sector < 25; sector++) spare.release(sectors(sector));
  spare.committed(12);
  assert.is(spare.takeBlock(8), 16);
  assert.is(spare.takeBlock(8), undefined);
  assert.is(spare.free, 4);
});

test('any steps: never a sector twice, never one in use, never a freed one too early', () => {
  const step = fc.constantFrom('take', 'block', 'release', 'begin', 'commit');
  const used = fc.uniqueArray(fc.integer({ min: START, max: START + COUNT - 1 }), { maxLength: COUNT });
  const property = fc.property(used, fc.array(step, { maxLength: 120 }), (live, steps) => {
    const spare = space(live);
    const inUse = new Set(live);
    const fresh = new Set(
      Array.from({ length: COUNT }, (_, index) => START + index).filter((sector) => !inUse.has(sector)),
    );
    const leaving: number[] = [];
    let covered = 0;
    const freed = new Set<number>();
    const blockIn = (free: ReadonlySet<number>) =>
      [...free].some((first) => first % 4 === 0 && [1, 2, 3].every((more) => free.has(first + more)));
    const give = (first: number, count: number) => {
      const from = fresh.has(first) ? fresh : freed;
      for (let sector = first; sector < first + count; sector++) {
        assert.ok(from.delete(sector), `${sector} was not free`);
        inUse.add(sector);
      }
      return from;
    };
    for (const taken of steps) {
      const [anyFresh, anyFreed] = [fresh.size > 0, freed.size > 0];
      const [freshBlock, freedBlock] = [blockIn(fresh), blockIn(freed)];
      if (taken === 'take') {
        const found = spare.take();
        assert.is(found !== undefined, anyFresh || anyFreed);
        if (found !== undefined) assert.is(give(found, 1) === fresh, anyFresh);
      } else if (taken === 'block') {
        const found = spare.takeBlock(4);
        if (found === undefined) assert.not(freshBlock || freedBlock);
        else {
          assert.is(found % 4, 0);
          const from = give(found, 4);
          assert.ok(from === fresh ? freshBlock : freedBlock);
        }
      } else if (taken === 'release') {
        const [sector] = inUse;
        if (sector === undefined) continue;
        inUse.delete(sector);
        leaving.push(sector);
        spare.release(sectors(sector));
      } else if (taken === 'begin') {
        covered = spare.leaving;
      } else {
        for (const sector of leaving.splice(0, covered)) freed.add(sector);
        spare.committed(covered);
        covered = 0;
      }
      assert.is(spare.free, fresh.size + freed.size);
    }
  });
  fc.assert(property, RUNS);
});

test('what is handed in is not changed', () => {
  const used = Float64Array.from([12, 20]);
  new SpareSpace(sectors(START), sectors(COUNT), used).take();
  assert.equal([...used], [12, 20]);
});

test('what entries have left is not given away while that is not allowed', () => {
  const space = new SpareSpace(sectors(10), sectors(2), new Float64Array([10, 11]));
  space.release(sectors(11));
  space.committed(1);
  space.mayReuse = false;
  assert.is(space.take(), undefined);
  space.mayReuse = true;
  assert.is(space.take(), 11);
});
