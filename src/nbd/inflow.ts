const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Cuts the chunks of a byte stream into the pieces that its reader asks for, wherever the chunks end. A
 * header that lies whole in a chunk is read in place; one that is cut is gathered in one small buffer that is
 * used again. Payloads are copied once, to where the reader wants them, or taken where they lie.
 */
export class Inflow {
  /** Where the piece lies that take() found: valid until the next call. */
  view: DataView;
  at = 0;

  readonly #gathered: Uint8Array;
  readonly #gatheredView: DataView;
  #held = 0;
  #chunk = NOTHING;
  #chunkView: DataView;
  #position = 0;

  /** @param longest of the pieces that take() is asked for, in bytes */
  constructor(longest: number) {
    this.#gathered = new Uint8Array(longest);
    this.#gatheredView = new DataView(this.#gathered.buffer);
    this.#chunkView = this.#gatheredView;
    this.view = this.#gatheredView;
  }

  /** Goes on with this chunk. What was left of the one before is forgotten: the caller has it. */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#chunkView = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#position = 0;
  }

  /** Ends with this chunk, so that an idle session holds none; returns how many bytes of it were used. */
  letGo(): number {
    this.#chunk = NOTHING;
    this.#chunkView = this.#gatheredView;
    this.view = this.#gatheredView;
    return this.#position;
  }

  /** A piece was begun whose rest has not come. */
  get isCut(): boolean {
    return this.#held > 0;
  }

  /** Finds a piece of so many bytes, at `view` and `at`; false if its end has not come yet. */
  take(size: number): boolean {
    if (this.#held === 0 && this.#chunk.length - this.#position >= size) {
      this.view = this.#chunkView;
      this.at = this.#position;
      this.#position += size;
      return true;
    }
    this.#held += this.copy(this.#gathered.subarray(this.#held, size));
    if (this.#held < size) return false;
    this.#held = 0;
    this.view = this.#gatheredView;
    this.at = 0;
    return true;
  }

  /** Nothing is left of the chunk. */
  get isEmpty(): boolean {
    return this.#position === this.#chunk.length;
  }

  /** The next bytes where they lie, gone with the chunk; undefined where some of them have not come. */
  takeInPlace(size: number): Uint8Array | undefined {
    const end = this.#position + size;
    if (end > this.#chunk.length) return undefined;
    const piece = this.#chunk.subarray(this.#position, end);
    this.#position = end;
    return piece;
  }

  /** Copies what there is into the target, from its start; returns how many bytes. */
  copy(target: Uint8Array): number {
    const count = Math.min(target.length, this.#chunk.length - this.#position);
    target.set(this.#chunk.subarray(this.#position, this.#position + count));
    this.#position += count;
    return count;
  }

  /** Passes over so many bytes, or as many as there are; returns how many. */
  skip(count: number): number {
    const passed = Math.min(count, this.#chunk.length - this.#position);
    this.#position += passed;
    return passed;
  }
}
