/** A set of whole numbers, such as sectors, kept as ranges that neither touch nor overlap. */
export class RangeSet {
  /** Ascending: where a range begins, and where the next number behind it lies, in turn. */
  #edges: number[] = [];

  get isEmpty(): boolean {
    return this.#edges.length === 0;
  }

  add(from: number, end: number): void {
    this.#replace(from, end, 0);
  }

  /** Adds many, none of them empty, ascending by where they begin: all are gone through once. */
  addAll(ranges: Iterable<readonly [from: number, end: number]>): void {
    const old = this.#edges;
    const edges: number[] = [];
    const put = (from: number, end: number): void => {
      const last = edges.length - 1;
      if (last > 0 && from <= (edges[last] as number)) edges[last] = Math.max(edges[last] as number, end);
      else edges.push(from, end);
    };
    let at = 0;
    const putOldBelow = (limit: number): void => {
      for (; (old[at] ?? limit) < limit; at += 2) put(old[at] as number, old[at + 1] as number);
    };
    for (const [from, end] of ranges) {
      putOldBelow(from);
      put(from, end);
    }
    putOldBelow(Number.POSITIVE_INFINITY);
    this.#edges = edges;
  }

  remove(from: number, end: number): void {
    this.#replace(from, end, 1);
  }

  overlaps(from: number, end: number): boolean {
    return this.next(from) < end;
  }

  /** The first member from this number on; infinity where there is none. */
  next(from: number): number {
    const at = this.#edgeBehind(from);
    return at % 2 === 1 ? from : (this.#edges[at] ?? Number.POSITIVE_INFINITY);
  }

  /** The ranges, ascending. */
  ranges(): (readonly [from: number, end: number])[] {
    const edges = this.#edges;
    return Array.from({ length: edges.length / 2 }, (_, index) => [
      edges[index * 2] as number,
      edges[index * 2 + 1] as number,
    ]);
  }

  /**
   * Takes out the edges between the two numbers and makes edges of these, where they fall among edges of this
   * parity: 0 outside of all ranges, 1 in one. A range that only touches them counts as met.
   */
  #replace(from: number, end: number, parity: 0 | 1): void {
    if (end <= from) return;
    const low = this.#edgeAtOrBehind(from);
    const high = this.#edgeBehind(end);
    const edges = [];
    if (low % 2 === parity) edges.push(from);
    if (high % 2 === parity) edges.push(end);
    this.#edges.splice(low, high - low, ...edges);
  }

  /** The index of the first edge above this number: odd where the number lies in a range. */
  #edgeBehind(number: number): number {
    let low = 0;
    let high = this.#edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#edges[middle] as number) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #edgeAtOrBehind(number: number): number {
    const behind = this.#edgeBehind(number);
    return this.#edges[behind - 1] === number ? behind - 1 : behind;
  }
}
