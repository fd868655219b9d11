import type { Sectors } from '../units.js';

/** Sectors of which copies are kept at most. */
const MOST = 8192;

/** What a sector of the spare should hold. */
export interface Copy {
  /** The sector of main that it holds. */
  readonly main: Sectors;
  readonly bytes: Uint8Array;
}

/**
 * Copies of what was written to the spare since its last good flush, so that it can be written again after a
 * failure. Beyond so many only the client that wrote it can do that.
 */
export class Copies {
  #fresh = new Map<number, Copy>();
  #flushing = new Map<number, Copy>();
  /** Of sectors that failed. */
  readonly failed = new Map<number, Copy>();

  keep(sector: number, copy: Copy): void {
    this.failed.delete(sector);
    if (this.#fresh.size >= MOST) {
      // an older copy of the same sector must not come back
      this.#fresh.delete(sector);
      this.#flushing.delete(sector);
    } else this.#fresh.set(sector, copy);
  }

  begin(): void {
    for (const [sector, copy] of this.#fresh) this.#flushing.set(sector, copy);
    this.#fresh = new Map();
  }

  end(): void {
    this.#flushing = new Map();
  }

  fail(): void {
    this.begin();
    for (const [sector, copy] of this.#flushing) this.failed.set(sector, copy);
    this.#flushing = new Map();
  }
}
