import fc from 'fast-check';
import { SectorIndex } from '../../src/remap/sector-index.js';
import { stateExtents } from '../../src/remap/state-extents.js';
import { assert, suite } from '../support/harness.js';

/** The states of a range, against a look at every byte. */

const test = suite('state extents');

function indexOf(sectors: Iterable<number>): SectorIndex {
  const index = new SectorIndex();
  for (const sector of sectors) index.set(sector, 0);
  return index;
}

test('remapped, pending and both', () => {
  const layers = [
    [indexOf([2, 3, 4]), 1],
    [indexOf([4, 5]), 2],
  ] as const;
  assert.equal(stateExtents(0, 10 * 512, layers, 100), [
    { length: 1024, flags: 0 },
    { length: 1024, flags: 1 },
    { length: 512, flags: 3 },
    { length: 512, flags: 2 },
    { length: 2048, flags: 0 },
  ]);
  assert.equal(stateExtents(1500, 100, layers, 100), [{ length: 100, flags: 1 }]);
  assert.equal(stateExtents(0, 2 ** 32, [[indexOf([]), 1]], 1), [{ length: 2 ** 32, flags: 0 }]);
});

test('every byte of any range is in the state that is said, as far as it goes', () => {
  const sectors = fc.uniqueArray(fc.nat(12));
  const property = fc.property(
    sectors,
    sectors,
    fc.nat(6000),
    fc.integer({ min: 1, max: 4000 }),
    fc.integer({ min: 1, max: 12 }),
    (remapped, pending, offset, length, steps) => {
      const layers = [
        [indexOf(remapped), 1],
        [indexOf(pending), 2],
      ] as const;
      const extents = stateExtents(offset, length, layers, steps);
      let at = offset;
      extents.forEach(({ length: size, flags }, index) => {
        assert.ok(size > 0 && flags !== extents[index + 1]?.flags);
        for (let byte = at; byte < at + size; byte++) {
          const sector = Math.floor(byte / 512);
          assert.is(flags, (remapped.includes(sector) ? 1 : 0) | (pending.includes(sector) ? 2 : 0));
        }
        at += size;
      });
      assert.ok(at > offset && at <= offset + length);
      if (steps === 12) assert.is(at, offset + length);
    },
  );
  fc.assert(property, { seed: 20_231_001, numRuns: 200 });
});
