import { roundUp, type Sectors, sectors } from '../units.js';

/** Free sectors that follow each other. */
interface Piece {
  first: number;
  count: number;
}

/**
 * The sectors of a spare's data area that new entries can have. Those that have not been used since the set
 * was opened come before those that an entry has left, and the latter are free only once a generation without
 * that entry is committed (format.md section 4).
 */
export class SpareSpace {
  readonly #end: number;
  /** Sectors in use when the set was opened, ascending, and the first of them at or above the cursor. */
  readonly #used: Float64Array;
  #nextUsed = 0;
  /** Nothing from here on has been given away yet. */
  #cursor: number;
  /** Free below the cursor: passed over where more adjacent sectors were wanted. */
  readonly #pieces: Piece[] = [];
  /** No so many adjacent sectors lie above the cursor, nor more. */
  #tooMany = Number.POSITIVE_INFINITY;
  readonly #freed = new Set<number>();
  /** Given back: the one that was so first is the next. */
  readonly #doubtful: Sectors[] = [];
  /** Left by their entries, but not yet in a committed generation. */
  readonly #leaving: number[] = [];
  #free: number;
  /** Not while a copy of the metadata cannot be written: it may still name them (section 4). */
  mayReuse = true;

  /** @param used the spare sectors of all live entries, ascending; they lie in the area */
  constructor(start: Sectors, count: Sectors, used: Float64Array) {
    this.#cursor = start;
    this.#end = start + count;
    this.#used = used;
    this.#free = count - used.length;
  }

  /** How many sectors can be taken, one by one. */
  get free(): number {
    return this.#free;
  }

  /** One sector; undefined where all are in use. */
  take(): Sectors | undefined {
    return this.#takePiece() ?? this.#takeNew(1) ?? this.#takeFreed(1) ?? this.#takeDoubtful();
  }

  /** These sectors were taken, and no entry has come of it. They are the last to be taken again. */
  giveBack(first: Sectors, count: number): void {
    for (let sector = first as number; sector < first + count; sector++) this.#doubtful.push(sectors(sector));
    this.#free += count;
  }

  /**
   * Adjacent sectors for a whole physical block, from a multiple of their number on, so that they are a block
   * of the spare too; undefined where there are none.
   */
  takeBlock(count: number): Sectors | undefined {
    return this.#takeNew(count) ?? this.#takeFreed(count);
  }

  /** An entry has left this sector: it can be taken once a commit has covered it. */
  release(sector: Sectors): void {
    this.#leaving.push(sector);
  }

  /** How many sectors wait for a commit. What is asked for when a commit begins tells what it covers. */
  get leaving(): number {
    return this.#leaving.length;
  }

  /** A generation is committed that lacks the entries of the first so many sectors that wait. */
  committed(count: number): void {
    const covered = this.#leaving.splice(0, count);
    for (const sector of covered) this.#freed.add(sector);
    this.#free += covered.length;
  }

  #takePiece(): Sectors | undefined {
    const piece = this.#pieces.at(-1);
    if (piece === undefined) return undefined;
    this.#free--;
    if (--piece.count === 0) this.#pieces.pop();
    return sectors(piece.first++);
  }

  #takeDoubtful(): Sectors | undefined {
    const sector = this.#doubtful.shift();
    if (sector !== undefined) this.#free--;
    return sector;
  }

  /** The first gap from the cursor on that holds so many; shorter ones before it become pieces. */
  #takeNew(count: number): Sectors | undefined {
    if (count >= this.#tooMany) return undefined;
    let first = roundUp(this.#cursor, count);
    for (let next = this.#nextUsed; next < this.#used.length; next++) {
      const used = this.#used[next] as number;
      if (used >= first + count) break;
      if (used >= first) first = roundUp(used + 1, count);
    }
    if (first + count > this.#end) {
      this.#tooMany = count;
      return undefined;
    }
    this.#passTo(first);
    this.#cursor = first + count;
    this.#free -= count;
    return sectors(first);
  }

  /** Moves the cursor; what is free on the way becomes pieces. */
  #passTo(first: number): void {
    while (this.#cursor < first) {
      const used = Math.min(this.#used[this.#nextUsed] ?? first, first);
      const count = used - this.#cursor;
      if (count > 0) this.#pieces.push({ first: this.#cursor, count });
      if (used < first) this.#nextUsed++;
      this.#cursor = used < first ? used + 1 : first;
    }
  }

  #takeFreed(count: number): Sectors | undefined {
    if (!this.mayReuse) return undefined;
    for (const sector of this.#freed) {
      const all = Array.from({ length: count }, (_, index) => sector + index);
      if (sector % count !== 0 || !all.every((member) => this.#freed.has(member))) continue;
      for (const member of all) this.#freed.delete(member);
      this.#free -= count;
      return sectors(sector);
    }
    return undefined;
  }
}
