/** Marks: a power of two. */
const MARKS = 1 << 16;

/**
 * A set of sectors that sometimes takes one for another: what it says is not in it is not. It is small enough to
 * stay in the nearest cache, where a map of thousands of sectors does not.
 */
export class SectorMarks {
  /** Sectors of which the same mark is set are MARKS apart. */
  readonly #marks = new Uint8Array(MARKS);

  add(sector: number): void {
    this.#marks[sector & (MARKS - 1)] = 1;
  }

  mayHave(sector: number): boolean {
    return this.#marks[sector & (MARKS - 1)] === 1;
  }

  /** From now on it has these and no others. */
  replace(sectors: Iterable<number>): void {
    this.#marks.fill(0);
    for (const sector of sectors) this.add(sector);
  }
}
