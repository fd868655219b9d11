/**
 * Which subsets of 32-bit words add up (by exclusive or) to a word. By elimination over GF(2): since sums of
 * CRCs are linear, this decides about 2^k mixtures of k blocks in k steps, and says how many there are.
 */
export class SubsetSums {
  /** Reduced word with its highest bit at this place, and the independent words that make it. */
  readonly #pivots: ({ readonly word: number; readonly makers: number } | undefined)[] =
    Array(32).fill(undefined);
  /** Indices of the independent words, at most 32; a set of them is a mask. */
  readonly #independent: number[] = [];
  /** The others, each with the independent words that add up to it. */
  readonly #dependent: { readonly index: number; readonly makers: number }[] = [];

  constructor(words: Iterable<number>) {
    let index = 0;
    for (const word of words) this.#add(word, index++);
  }

  /** log2 of the number of subsets for every sum that occurs at all. */
  get nullity(): number {
    return this.#dependent.length;
  }

  /**
   * The subsets that add up to `sum`, as indices of words; no more than `most`.
   * Whether there are more follows from `nullity`.
   */
  solve(sum: number, most: number): Set<number>[] {
    const { word, makers } = this.#reduce(sum);
    if (word !== 0) return [];
    const count = Math.min(most, 2 ** Math.min(30, this.nullity));
    return Array.from({ length: count }, (_, choice) => {
      const chosen = this.#dependent.filter((_, bit) => bit < 30 && ((choice >>> bit) & 1) === 1);
      const mask = chosen.reduce((sum, dependent) => sum ^ dependent.makers, makers);
      const solution = new Set(chosen.map(({ index }) => index));
      this.#independent.forEach((index, bit) => {
        if ((mask >>> bit) & 1) solution.add(index);
      });
      return solution;
    });
  }

  #add(word: number, index: number): void {
    const reduced = this.#reduce(word);
    if (reduced.word === 0) {
      this.#dependent.push({ index, makers: reduced.makers });
      return;
    }
    const makers = reduced.makers ^ (1 << this.#independent.length);
    this.#independent.push(index);
    this.#pivots[31 - Math.clz32(reduced.word)] = { word: reduced.word, makers };
  }

  /** What is left of a word, and the independent words that were taken away from it. */
  #reduce(start: number): { word: number; makers: number } {
    let word = start;
    let makers = 0;
    for (let bit = 31; bit >= 0; bit--) {
      const pivot = this.#pivots[bit];
      if (((word >>> bit) & 1) === 0 || pivot === undefined) continue;
      word ^= pivot.word;
      makers ^= pivot.makers;
    }
    return { word, makers };
  }
}
