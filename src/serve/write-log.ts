import { RangeSet } from '../remap/range-set.js';

/** Writes that are remembered between two flushes; beyond, it is time for a flush. */
const MANY = 1 << 19;

/**
 * What was written to a device since its last good flush. After a flush that fails all of it is unknown, and
 * stays so until it is written again and flushed (format.md section 4): repeating the flush proves nothing.
 */
export class WriteLog {
  /** Sectors of which nobody can say what the medium holds. */
  readonly unknown = new RangeSet();
  /** First sector and the one behind the last, in turn. */
  #written: number[] = [];
  #flushing: number[] = [];
  #failures = 0;

  /** Whether a flush has something to make durable. */
  get isDirty(): boolean {
    return this.#written.length + this.#flushing.length > 0;
  }

  get isLong(): boolean {
    return this.#written.length >= 2 * MANY;
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
    this.#written.push(first, end);
    if (!this.unknown.isEmpty) this.unknown.remove(first, end);
  }

  /** A flush begins: it covers what was written before. */
  begin(): void {
    this.#flushing = this.#flushing.concat(this.#written);
    this.#written = [];
  }

  /** The flush that began last has ended well. */
  end(): void {
    this.#flushing = [];
  }

  /** A flush has failed, or a write after which nothing is known of those before. */
  fail(): void {
    this.#failures++;
    for (const log of [this.#flushing, this.#written])
      for (let index = 0; index < log.length; index += 2)
        this.unknown.add(log[index] as number, log[index + 1] as number);
    this.#flushing = [];
    this.#written = [];
  }
}
