/** A set of 32-bit hashes that may answer yes by chance, never no: one bit each, chosen by the hash's top bits. */
export class BitFilter {
  readonly #words: Int32Array;
  readonly #shift: number;

  /** @param bits how many, rounded up to a power of two */
  constructor(bits: number) {
    const log = Math.min(31, Math.max(5, Math.ceil(Math.log2(bits + 1))));
    this.#words = new Int32Array(2 ** (log - 5));
    this.#shift = 32 - log;
  }

  /** Adds a hash; says whether its bit was set before. */
  add(hash: number): boolean {
    const place = hash >>> this.#shift;
    const word = place >>> 5;
    const bit = 1 << (place & 31);
    const before = this.#words[word] ?? 0;
    this.#words[word] = before | bit;
    return (before & bit) !== 0;
  }

  has(hash: number): boolean {
    const place = hash >>> this.#shift;
    return ((this.#words[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
  }
}
