import fc from 'fast-check';
import { SectorIndex } from '../../src/remap/sector-index.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';

/** A sorted map that behaves as a plain Map does. */

const test = suite('sector index');
const RUNS = { seed: 20_231_001, numRuns: 200 };

/** What a walk visits; where it begins is asked beforehand. */
function walked(index: SectorIndex, first: number, end: number): [number, number][] {
  const visited: [number, number][] = [];
  const next = index.next(first);
  index.walk(first, end, (sector, value) => visited.push([sector, value]));
  if (next < end || visited.length > 0) assert.is(next, visited[0]?.[0]);
  return visited;
}

function sorted(model: ReadonlyMap<number, number>, first: number, end: number): [number, number][] {
  return [...model].filter(([sector]) => sector >= first && sector < end).sort(([a], [b]) => a - b);
}

type Step = readonly ['set', number, number] | readonly ['delete', number];

function carryOut(index: SectorIndex, model: Map<number, number>, step: Step): void {
  if (step[0] === 'set') {
    index.set(step[1], step[2]);
    model.set(step[1], step[2]);
  } else {
    assert.is(index.delete(step[1]), model.delete(step[1]));
  }
  assert.is(index.size, model.size);
}

test('any steps in a small space, every sector and every range looked up', () => {
  const sector = fc.integer({ min: 0, max: 30 });
  const step = fc.oneof(
    fc.tuple(fc.constant('set' as const), sector, fc.integer({ min: 0, max: 0xffffffff })),
    fc.tuple(fc.constant('delete' as const), sector),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const [index, model] = [new SectorIndex(), new Map<number, number>()];
    for (const taken of steps) carryOut(index, model, taken);
    for (let at = 0; at <= 31; at++) assert.is(index.get(at), model.get(at));
    for (let first = 0; first <= 31; first += 3)
      for (let end = first; end <= 32; end += 4)
        assert.equal(walked(index, first, end), sorted(model, first, end));
  });
  fc.assert(property, RUNS);
});

/** Sectors in an order that fills, splits and empties leaves in its own way. */
const ORDERS: Readonly<Record<string, (count: number, random: Random) => number[]>> = {
  ascending: (count) => Array.from({ length: count }, (_, index) => index * 3),
  descending: (count) => Array.from({ length: count }, (_, index) => (count - index) * 3),
  'without order': (count, random) => random.distinct(count, 0, count * 5),
  'far apart': (count, random) => random.distinct(count, 0, 2 ** 31).map((sector) => sector * 2 ** 21),
};

for (const [title, order] of Object.entries(ORDERS))
  test(`thousands of sectors, ${title}`, () => {
    const random = new Random(7);
    const all = order(5000, random);
    const [index, model] = [new SectorIndex(), new Map<number, number>()];
    all.forEach((sector, number) => {
      carryOut(index, model, ['set', sector, number]);
    });
    assert.equal(walked(index, 0, Number.POSITIVE_INFINITY), sorted(model, 0, Number.POSITIVE_INFINITY));
    for (const sector of all) if (random.chance(0.8)) carryOut(index, model, ['delete', sector]);
    for (const sector of all) assert.is(index.get(sector), model.get(sector));
    for (let count = 0; count < 200; count++) {
      const [first, end] = [random.pick(all), random.pick(all)];
      assert.equal(walked(index, first, end), sorted(model, first, end));
    }
    for (const sector of [...model.keys()]) carryOut(index, model, ['delete', sector]);
    assert.equal(walked(index, 0, Number.POSITIVE_INFINITY), []);
    carryOut(index, model, ['set', 5, 6]);
    assert.is(index.get(5), 6);
  });

test('sectors up to 2^53 - 1 are told apart', () => {
  const index = new SectorIndex();
  const last = Number.MAX_SAFE_INTEGER;
  for (const sector of [last, last - 1, last - 3]) index.set(sector, sector % 100);
  assert.is(index.get(last - 2), undefined);
  assert.is(index.get(last), last % 100);
  assert.is(index.get(last - 1), (last - 1) % 100);
  assert.equal(walked(index, last - 2, last), [[last - 1, (last - 1) % 100]]);
});
