/** Sectors in one leaf, at most. Adding one to a leaf moves half of it on average. */
const LEAF = 512;

interface Leaf {
  /** Ascending; `count` of them are in use. */
  readonly keys: Float64Array;
  readonly values: Uint32Array;
  count: number;
}

/**
 * A sorted map from sectors to whole numbers of 32 bits, for tens of millions of them: leaves of typed arrays
 * in ascending order, and in an array of its own where each may begin. Looking a sector up takes two binary
 * searches and allocates nothing.
 */
export class SectorIndex {
  readonly #leaves: Leaf[] = [];
  /** No sector of a leaf is below its first, and all of the leaf before are; the rest is room for more. */
  #firsts = new Float64Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(sector: number): number | undefined {
    const leaf = this.#leaves[this.#leafOf(sector)];
    if (leaf === undefined) return undefined;
    const at = lowerBound(leaf.keys, leaf.count, sector);
    return at < leaf.count && leaf.keys[at] === sector ? leaf.values[at] : undefined;
  }

  has(sector: number): boolean {
    return this.get(sector) !== undefined;
  }

  /** Adds the sector, or changes its value. */
  set(sector: number, value: number): void {
    const number = Math.max(0, this.#leafOf(sector));
    const leaf = this.#leaves[number] ?? this.#insertLeaf(0, newLeaf());
    const at = lowerBound(leaf.keys, leaf.count, sector);
    if (at < leaf.count && leaf.keys[at] === sector) {
      leaf.values[at] = value;
    } else if (leaf.count === LEAF) {
      this.#split(number, at);
      this.set(sector, value);
    } else {
      open(leaf, at);
      leaf.keys[at] = sector;
      leaf.values[at] = value;
      if (at === 0) this.#firsts[number] = sector;
      this.#size++;
    }
  }

  clear(): void {
    this.#leaves.length = 0;
    this.#size = 0;
  }

  /** Removes the sector; false if it is not there. */
  delete(sector: number): boolean {
    const number = this.#leafOf(sector);
    const leaf = this.#leaves[number];
    if (leaf === undefined) return false;
    const at = lowerBound(leaf.keys, leaf.count, sector);
    if (at === leaf.count || leaf.keys[at] !== sector) return false;
    close(leaf, at);
    this.#size--;
    if (leaf.count === 0) {
      this.#leaves.splice(number, 1);
      this.#firsts.copyWithin(number, number + 1);
    }
    return true;
  }

  /** The first sector from this one on; infinity where there is none. */
  next(sector: number): number {
    const number = Math.max(0, this.#leafOf(sector));
    const leaf = this.#leaves[number];
    if (leaf === undefined) return Number.POSITIVE_INFINITY;
    const at = lowerBound(leaf.keys, leaf.count, sector);
    const found = at < leaf.count ? leaf.keys[at] : this.#leaves[number + 1]?.keys[0];
    return found ?? Number.POSITIVE_INFINITY;
  }

  /** Visits the sectors from `first` to below `end`, ascending. The map must not change meanwhile. */
  walk(first: number, end: number, visit: (sector: number, value: number) => void): void {
    let number = Math.max(0, this.#leafOf(first));
    let leaf = this.#leaves[number];
    let at = leaf === undefined ? 0 : lowerBound(leaf.keys, leaf.count, first);
    while (leaf !== undefined) {
      for (; at < leaf.count; at++) {
        const sector = leaf.keys[at] as number;
        if (sector >= end) return;
        visit(sector, leaf.values[at] as number);
      }
      leaf = this.#leaves[++number];
      at = 0;
    }
  }

  /** The leaf in which the sector lies if it lies anywhere; -1 if it comes before all of them. */
  #leafOf(sector: number): number {
    return lowerBound(this.#firsts, this.#leaves.length, sector + 1) - 1;
  }

  #insertLeaf(number: number, leaf: Leaf): Leaf {
    if (this.#leaves.length === this.#firsts.length) {
      const longer = new Float64Array(this.#firsts.length * 2);
      longer.set(this.#firsts);
      this.#firsts = longer;
    }
    this.#leaves.splice(number, 0, leaf);
    this.#firsts.copyWithin(number + 1, number);
    this.#firsts[number] = leaf.keys[0] as number;
    return leaf;
  }

  /** Makes room in a full leaf. Where sectors come in ascending order leaves stay full. */
  #split(number: number, at: number): void {
    const leaf = this.#leaves[number] as Leaf;
    const kept = at === LEAF ? LEAF - 1 : LEAF / 2;
    const upper = newLeaf();
    upper.keys.set(leaf.keys.subarray(kept));
    upper.values.set(leaf.values.subarray(kept));
    upper.count = LEAF - kept;
    leaf.count = kept;
    this.#insertLeaf(number + 1, upper);
  }
}

function newLeaf(): Leaf {
  return { keys: new Float64Array(LEAF), values: new Uint32Array(LEAF), count: 0 };
}

function open(leaf: Leaf, at: number): void {
  leaf.keys.copyWithin(at + 1, at, leaf.count);
  leaf.values.copyWithin(at + 1, at, leaf.count);
  leaf.count++;
}

function close(leaf: Leaf, at: number): void {
  leaf.keys.copyWithin(at, at + 1, leaf.count);
  leaf.values.copyWithin(at, at + 1, leaf.count);
  leaf.count--;
}

/** How many of the first `count` keys, which ascend, are below this one. */
function lowerBound(keys: Float64Array, count: number, key: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as number) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
