import type { Memory } from './memory.js';

/** Bytes that are set aside at a time for headers, other small messages, and data that is copied. */
const SLAB = 2 ** 17;

/** Data up to this length is copied behind its header: that costs less than to send one more piece. */
const LONGEST_COPY = 2 ** 14;

const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

/** What leaves an outbox. */
export interface Outgoing {
  /** To be sent in this order. */
  readonly pieces: readonly Uint8Array[];
  /** To be given back to the memory once they have been. */
  readonly lent: readonly Uint8Array[];
}

/**
 * What waits to be sent, in order. Small messages are written into a slab, and those that follow each other
 * there leave as one piece; long data is passed on as it is, never copied.
 */
export class Outbox {
  /** Where the message lies that message() has set aside, from `at` on. */
  view: DataView = NO_VIEW;

  readonly #memory: Memory;
  #slab: Uint8Array = NOTHING;
  #used = 0;
  /** Where the piece begins to which messages are being added. */
  #pieceStart = 0;
  #pieces: Uint8Array[] = [];
  #lent: Uint8Array[] = [];
  #size = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

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

  /** Adds data. Unless it is short, it must stay as it is until it has been sent. */
  data(bytes: Uint8Array): void {
    if (bytes.length <= LONGEST_COPY) {
      this.put(bytes, this.message(bytes.length));
      return;
    }
    this.#endPiece();
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Gives a buffer back whose data may lie here: now, or with what leaves next. */
  release(buffer: Uint8Array): void {
    if (buffer.length <= LONGEST_COPY) this.#memory.giveBack(buffer);
    else this.#lent.push(buffer);
  }

  /** Everything that waits; nothing is held from here on. */
  take(): Outgoing {
    this.#endSlab();
    const outgoing = { pieces: this.#pieces, lent: this.#lent };
    this.#pieces = [];
    this.#lent = [];
    this.#size = 0;
    return outgoing;
  }

  #endPiece(): void {
    if (this.#used > this.#pieceStart) this.#pieces.push(this.#slab.subarray(this.#pieceStart, this.#used));
    this.#pieceStart = this.#used;
  }

  #startSlab(size: number): void {
    this.#endSlab();
    this.#slab = this.#memory.take(size);
    this.view = new DataView(this.#slab.buffer, this.#slab.byteOffset, size);
  }

  #endSlab(): void {
    this.#endPiece();
    if (this.#slab.length > 0) this.#lent.push(this.#slab);
    this.#slab = NOTHING;
    this.view = NO_VIEW;
    this.#used = 0;
    this.#pieceStart = 0;
  }
}
