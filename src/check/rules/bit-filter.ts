/** Odd, with well spread bits: multiplying by them spreads what differs in its high bits only. */
const SPREAD_LOW = 0x9e3779b1;
const SPREAD_HIGH = 0x85ebca6b;

/**
 * A set of sectors that may answer yes by chance, never no: one bit each. The loops over a table touch its
 * words themselves: most of their time goes by before the compiler has seen through a method.
 */
export class BitFilter {
  readonly words: Int32Array;
  /** It has 2 to this power bits. */
  readonly log: number;

  /** @param bits how many, rounded up to a power of two */
  constructor(bits: number) {
    this.log = Math.min(31, Math.max(5, Math.ceil(Math.log2(bits + 1))));
    this.words = new Int32Array(2 ** (this.log - 5));
  }
}

/**
 * The bit of a sector, given as two 32-bit words, among 2^log. Neighbours have neighbouring bits: the sectors
 * of one place stay in one part of the processor's cache, and never meet by chance.
 */
export function bitOf(low: number, high: number, log: number): number {
  return (low + Math.imul(low >>> log, SPREAD_LOW) + Math.imul(high, SPREAD_HIGH)) & ((1 << log) - 1);
}
