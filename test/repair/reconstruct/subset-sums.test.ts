import { SubsetSums } from '../../../src/repair/reconstruct/subset-sums.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';

/** Which words add up to a word: against trying all subsets, and where there are too many to be tried. */

const test = suite('subset sums');

function sumOf(words: readonly number[], subset: Iterable<number>): number {
  return [...subset].reduce((sum, index) => sum ^ (words[index] ?? 0), 0) >>> 0;
}

function allSubsets(words: readonly number[], wanted: number): string[] {
  const found: string[] = [];
  for (let mask = 0; mask < 2 ** words.length; mask++) {
    const subset = words.map((_, index) => index).filter((index) => (mask >>> index) & 1);
    if (sumOf(words, subset) === wanted >>> 0) found.push(subset.join());
  }
  return found.sort();
}

test('all subsets and no others', () => {
  const random = new Random(1);
  for (let turn = 0; turn < 300; turn++) {
    // few bits, so that there are sums with many subsets, with one and with none
    const bits = random.pick([1, 3, 6, 32]);
    const words = Array.from({ length: random.below(11) }, () => (random.u32() >>> (32 - bits)) >>> 0);
    const wanted = random.chance(0.5) ? sumOf(words, [0, 2, 3]) : (random.u32() >>> (32 - bits)) >>> 0;
    const sums = new SubsetSums(words);
    const found = sums.solve(wanted, 2 ** 11).map((set) => [...set].sort((a, b) => a - b).join());
    assert.equal(found.sort(), allSubsets(words, wanted));
    if (found.length > 0) assert.is(found.length, 2 ** sums.nullity);
  }
});

test('24 blocks are decided, 40 have many answers, 5000 are counted', () => {
  const random = new Random(2);
  for (const [length, answers] of [
    [24, 1],
    [40, 256],
    [5000, 500],
  ] as const) {
    const words = Array.from({ length }, () => random.u32());
    const taken = new Set(random.distinct(length / 2, 0, length - 1));
    const sums = new SubsetSums(words);
    const found = sums.solve(sumOf(words, taken), 500);
    assert.is(found.length, Math.min(answers, 500));
    assert.is(sums.nullity, Math.max(0, length - 32));
    for (const set of found) assert.is(sumOf(words, set), sumOf(words, taken));
    if (answers === 1) assert.equal(found[0], taken);
  }
});

test('blocks that change nothing make two answers', () => {
  const sums = new SubsetSums([5, 0, 9]);
  assert.is(sums.nullity, 1);
  assert.is(sums.solve(12, 10).length, 2);
  assert.equal(sums.solve(6, 10), []);
});
