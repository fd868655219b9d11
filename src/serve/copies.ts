import { SECTOR_SIZE, type Sectors } from '../units.js';
import { SectorMarks } from './sector-marks.js';

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
  /** Memory for one sector each, since new memory costs more than to fill it. */
  readonly #unused: Uint8Array[] = [];
  /** Sectors that may have one that is fresh or being flushed: most that are written once it is full have not. */
  readonly #marks = new SectorMarks();

  /** @param data of which the sector at `from` is copied */
  keep(sector: number, main: Sectors, data: Uint8Array, from: number): void {
    if (this.failed.size > 0) this.failed.delete(sector);
    if (this.#fresh.size >= MOST && !this.#marks.mayHave(sector)) return;
    const before = this.#fresh.get(sector);
    if (before === undefined && this.#fresh.size >= MOST) {
      // an older copy of the same sector must not come back
      if (this.#flushing.size > 0) this.#flushing.delete(sector);
      return;
    }
    const bytes = before?.bytes ?? this.#unused.pop() ?? new Uint8Array(SECTOR_SIZE);
    bytes.set(data.subarray(from, from + SECTOR_SIZE));
    if (before?.main !== main) this.#fresh.set(sector, { main, bytes });
    this.#marks.add(sector);
  }

  /** What was written last; undefined where it is durable, or no copy was kept. */
  of(sector: number): Uint8Array | undefined {
    return (this.#fresh.get(sector) ?? this.#flushing.get(sector) ?? this.failed.get(sector))?.bytes;
  }

  begin(): void {
    for (const [sector, copy] of this.#fresh) {
      const older = this.#flushing.get(sector);
      if (older !== undefined) this.#unused.push(older.bytes);
      this.#flushing.set(sector, copy);
    }
    this.#fresh = new Map();
  }

  end(): void {
    for (const { bytes } of this.#flushing.values()) this.#unused.push(bytes);
    this.#flushing = new Map();
    this.#marks.replace(this.#fresh.keys());
  }

  fail(): void {
    this.begin();
    for (const [sector, copy] of this.#flushing) this.failed.set(sector, copy);
    this.#flushing = new Map();
    this.#marks.replace([]);
  }
}
