/** Ranges for which there is room at first. */
const FEW = 256;

/**
 * Ranges of sectors, one after the other, as they come. They are numbers in one piece of memory, which the
 * garbage collector does not look into.
 */
export class RangeLog {
  /** The first sector and the one behind the last, in turn; the rest is room for more. */
  #edges = new Float64Array(2 * FEW);
  #length = 0;

  get count(): number {
    return this.#length / 2;
  }

  /** One that goes on where the one before ends makes it longer. */
  add(first: number, end: number): void {
    if (this.#length > 0 && this.#edges[this.#length - 1] === first) {
      this.#edges[this.#length - 1] = end;
      return;
    }
    if (this.#length === this.#edges.length) this.#grow(this.#length * 2);
    this.#edges[this.#length] = first;
    this.#edges[this.#length + 1] = end;
    this.#length += 2;
  }

  /** Adds all of another, which has none afterwards. */
  take(other: RangeLog): void {
    if (this.#length === 0) {
      // the two exchange their memory
      [this.#edges, other.#edges] = [other.#edges, this.#edges];
      this.#length = other.#length;
    } else {
      this.#grow(this.#length + other.#length);
      this.#edges.set(other.#edges.subarray(0, other.#length), this.#length);
      this.#length += other.#length;
    }
    other.clear();
  }

  clear(): void {
    this.#length = 0;
    // what one burst has needed is not kept for ever
    if (this.#edges.length > 2 * FEW) this.#edges = new Float64Array(2 * FEW);
  }

  /** By their first sector; they may overlap. */
  *ascending(): Generator<readonly [first: number, end: number]> {
    const edges = this.#edges;
    const places = Uint32Array.from({ length: this.count }, (_, index) => index * 2);
    places.sort((a, b) => (edges[a] as number) - (edges[b] as number));
    for (const place of places) yield [edges[place] as number, edges[place + 1] as number];
  }

  #grow(length: number): void {
    const longer = new Float64Array(Math.max(length, this.#edges.length));
    longer.set(this.#edges.subarray(0, this.#length));
    this.#edges = longer;
  }
}
