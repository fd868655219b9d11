/** Bytes that are set aside at a time for headers and other small messages. */
const SLAB = 4096;

/**
 * What waits to be sent, in order. Small messages are written into a slab, and those that follow each other
 * there leave as one piece; data is passed on as it is, never copied.
 */
export class Outbox {
  /** Where the message lies that message() has set aside, from `at` on. */
  view: DataView = new DataView(new ArrayBuffer(0));

  #slab = new Uint8Array(0);
  #used = 0;
  /** Where the piece begins to which messages are being added. */
  #pieceStart = 0;
  #pieces: Uint8Array[] = [];
  #size = 0;

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  /** Sets bytes aside for a message, to be written at once; returns where it begins in `view`. */
  message(size: number): number {
    if (this.#slab.length - this.#used < size) this.#startSlab(Math.max(size, SLAB));
    const at = this.#used;
    this.#used += size;
    this.#size += size;
    return at;
  }

  /** Copies bytes to where a message was set aside. */
  put(bytes: Uint8Array, at: number): void {
    this.#slab.set(bytes, at);
  }

  /** Adds data, which must stay as it is until it has been sent. */
  data(bytes: Uint8Array): void {
    this.#endPiece();
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Everything that waits, in order; it is the caller's from here on. */
  take(): Uint8Array[] {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#size = 0;
    return pieces;
  }

  #endPiece(): void {
    if (this.#used > this.#pieceStart) this.#pieces.push(this.#slab.subarray(this.#pieceStart, this.#used));
    this.#pieceStart = this.#used;
  }

  /** The old slab belongs to the pieces that were cut from it. */
  #startSlab(size: number): void {
    this.#endPiece();
    this.#slab = new Uint8Array(size);
    this.view = new DataView(this.#slab.buffer);
    this.#used = 0;
    this.#pieceStart = 0;
  }
}
