/** Bytes that are handed on at once; memory for text of unlimited length. */
const SIZE = 64 << 10;

/** Longer than every line that is added. */
const LONGEST = 1 << 10;

/**
 * Gathers short lines of ASCII as bytes, in memory that is used again and again: the text of millions of lines
 * would fill the heap before it is collected. Whoever takes bytes must be done with them before more is added.
 */
export class LineBuffer {
  readonly #bytes = Buffer.allocUnsafeSlow(SIZE);
  #used = 0;

  add(line: string): void {
    this.#used += this.#bytes.write(line, this.#used, 'latin1');
  }

  /** It is time to take what is there. */
  get isFull(): boolean {
    return this.#used > SIZE - LONGEST;
  }

  /** What was added since the last time. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#used = 0;
    return taken;
  }
}
