import fc from 'fast-check';
import {
  FIRST_GENERATION,
  generationDistance,
  isNewer,
  nextGeneration,
} from '../../src/format/generation.js';
import { assert, suite } from '../support/harness.js';

/** Serial numbers in a circle of 2^32 - 1, with 0 outside of it. */

const test = suite('generation');
const RUNS = { seed: 20_231_005, numRuns: 2000 };

const CIRCLE = 0xffff_ffff;
const generations = fc.oneof(
  fc.integer({ min: 1, max: CIRCLE }),
  fc.constantFrom(
    1,
    2,
    3,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    CIRCLE - 2,
    CIRCLE - 1,
    CIRCLE,
  ),
);

/** The generation `steps` commits on, by counting in the circle with exact integers. */
function after(generation: number, steps: number): number {
  return Number((BigInt(generation) - 1n + BigInt(steps)) % BigInt(CIRCLE)) + 1;
}

test('after the last comes 1, and never 0', () => {
  assert.is(FIRST_GENERATION, 1);
  assert.is(nextGeneration(1), 2);
  assert.is(nextGeneration(CIRCLE - 1), CIRCLE);
  assert.is(nextGeneration(CIRCLE), 1);
  assert.is(nextGeneration(0), 1);
});

test('the next is one newer, from everywhere', () => {
  const property = fc.property(generations, (generation) => {
    assert.is(nextGeneration(generation), after(generation, 1));
    assert.is(generationDistance(generation, nextGeneration(generation)), 1);
    assert.is(generationDistance(nextGeneration(generation), generation), -1);
    assert.ok(isNewer(nextGeneration(generation), generation));
    assert.not(isNewer(generation, nextGeneration(generation)));
    assert.not(isNewer(generation, generation));
  });
  fc.assert(property, RUNS);
});

test('so many commits are that distance, up to half of the circle', () => {
  const steps = fc.oneof(
    fc.integer({ min: 0, max: (CIRCLE - 1) / 2 }),
    fc.constantFrom(1, 2, (CIRCLE - 1) / 2),
  );
  const property = fc.property(generations, steps, (from, count) => {
    assert.is(generationDistance(from, after(from, count)), count);
    assert.ok(generationDistance(after(from, count), from) === (count === 0 ? 0 : -count));
  });
  fc.assert(property, RUNS);
});

test('beyond half of the circle it is older', () => {
  for (const from of [1, 7, 0x8000_0000, CIRCLE]) {
    assert.ok(isNewer(after(from, (CIRCLE - 1) / 2), from), `half of the circle after ${from}`);
    assert.not(isNewer(after(from, (CIRCLE + 1) / 2), from), `one more after ${from}`);
  }
});

test('one direction is the other backwards', () => {
  const property = fc.property(generations, generations, (one, other) => {
    const there = generationDistance(one, other);
    assert.ok(there + generationDistance(other, one) === 0, `${one} and ${other}`);
    assert.is(there === 0, one === other);
    assert.is(isNewer(one, other) || isNewer(other, one), one !== other);
  });
  fc.assert(property, RUNS);
});

test('all pairs of a sample, those around the wrap and 0 among them', () => {
  const sample = [1, 2, 3, 1000, 0x7fff_ffff, 0x8000_0000, CIRCLE - 1, CIRCLE];
  for (const one of sample)
    for (const other of sample) {
      const ahead = Number((BigInt(other) - BigInt(one) + BigInt(CIRCLE)) % BigInt(CIRCLE));
      const expected = ahead <= CIRCLE / 2 ? ahead : ahead - CIRCLE;
      assert.is(generationDistance(one, other), expected, `${one} to ${other}`);
    }
});

test('0 is older than every generation', () => {
  const property = fc.property(generations, (generation) => {
    assert.ok(isNewer(generation, 0));
    assert.not(isNewer(0, generation));
    assert.ok(generationDistance(0, generation) + generationDistance(generation, 0) === 0);
  });
  fc.assert(property, RUNS);
  assert.is(generationDistance(0, 0), 0);
});
