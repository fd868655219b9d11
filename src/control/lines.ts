/** The end of a line, a single byte in UTF-8. */
const LINE_FEED = 0x0a;

/** Cuts a byte stream into lines, wherever its chunks end. What comes after the last line end is no line yet. */
export class LineCutter {
  readonly #longest: number;
  #held: Uint8Array[] = [];
  #length = 0;

  /** @param longest line that is taken, in bytes */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that end in this chunk, without their ends; undefined where one is too long. */
  take(chunk: Uint8Array): string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      if (!this.#hold(chunk.subarray(from, end))) return undefined;
      lines.push(Buffer.concat(this.#held).toString('utf8'));
      this.#held = [];
      this.#length = 0;
      from = end + 1;
    }
    return this.#hold(chunk.subarray(from)) ? lines : undefined;
  }

  #hold(bytes: Uint8Array): boolean {
    this.#length += bytes.length;
    // its own copy, so that a few bytes do not keep the whole chunk
    if (bytes.length > 0) this.#held.push(Uint8Array.from(bytes));
    return this.#length <= this.#longest;
  }
}
