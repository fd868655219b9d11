import { RangeSet } from '../remap/range-set.js';
import { RangeLog } from './range-log.js';

/** Writes that are remembered between two flushes; beyond, it is time for a flush. */
const MANY = 1 << 19;

/**
 * What was written to a device since its last good flush. After a flush that fails all of it is unknown, and
 * stays so until it is written again and flushed (format.md section 4): repeating the flush proves nothing.
 */
export class WriteLog {
  /** Sectors of which nobody can say what the medium holds. */
  readonly unknown = new RangeSet();
  #written = new RangeLog();
  #flushing = new RangeLog();
  #failures = 0;

  /** Whether a flush has something to make durable. */
  get isDirty(): boolean {
    return this.#written.count + this.#flushing.count > 0;
  }

  get isLong(): boolean {
    return this.#written.count >= MANY;
  }

  /** To be taken before a write and given back with it: what fails meanwhile may have taken it along. */
  get moment(): number {
    return this.#failures;
  }

  /** A write of these sectors has ended well. */
  wrote(first: number, end: number, moment: number): void {
    if (moment !== this.#failures) {
      this.unknown.add(first, end);
      return;
    }
    this.#written.add(first, end);
    if (!this.unknown.isEmpty) this.unknown.remove(first, end);
  }

  /** A flush begins: it covers what was written before. */
  begin(): void {
    this.#flushing.take(this.#written);
  }

  /** The flush that began last has ended well. */
  end(): void {
    this.#flushing.clear();
  }

  /** A flush has failed, or a write after which nothing is known of those before. */
  fail(): void {
    this.#failures++;
    this.begin();
    this.unknown.addAll(this.#flushing.ascending());
    this.#flushing.clear();
  }
}
