import { roundDown, type Sectors, sectors } from '../units.js';
import type { LiveEntries } from './live-entries.js';
import type { SpareSpace } from './spare-space.js';

/** Adjacent sectors of main on their way to adjacent sectors of the spare. */
export interface Move {
  readonly main: Sectors;
  readonly spare: Sectors;
  readonly count: number;
}

/**
 * Gives sectors of main new places: begin() finds them, the caller writes the data there, and finish() makes
 * the entries, so that there is never an entry without its data.
 */
export class Mover {
  readonly #entries: LiveEntries;
  readonly #space: SpareSpace;
  /** Sectors of main's physical block, the unit in which it fails: 1 or 8. */
  readonly #blockSectors: number;
  /** Sectors on their way: they will need entries. */
  #moving = 0;

  constructor(entries: LiveEntries, space: SpareSpace, blockSectors: number) {
    this.#entries = entries;
    this.#space = space;
    this.#blockSectors = blockSectors;
  }

  /**
   * Places for the sectors from `first` to below `end` that have no entry, a whole block adjacent where that
   * can be. Fewer, or none, when spare or table are full: what comes first is served first. No other move of
   * these sectors may be under way.
   */
  begin(first: Sectors, end: Sectors): Move[] {
    const moves: Move[] = [];
    for (let at: number = first; at < end; ) {
      const blockEnd = Math.min(end, roundDown(at, this.#blockSectors) + this.#blockSectors);
      moves.push(...this.#findPlaces(this.#homeless(at, blockEnd)));
      at = blockEnd;
    }
    return join(moves);
  }

  /** The data lies in its new place: makes the entries, in adjacent slots; returns the first of them. */
  finish(move: Move): number {
    const slot = this.#entries.count;
    for (let index = 0; index < move.count; index++)
      this.#entries.add(sectors(move.main + index), sectors(move.spare + index));
    this.#moving -= move.count;
    return slot;
  }

  /** The spare did not take the data: nothing has moved. The new place is not given to anybody again, unless by giveBack(). */
  abandon(move: Move): void {
    this.#moving -= move.count;
  }

  /**
   * The spare took nothing anywhere, which says nothing of these places: they are given away again, but after all
   * others.
   *
   * @param moves that were abandoned
   */
  giveBack(moves: readonly Move[]): void {
    for (const { spare, count } of moves) this.#space.giveBack(spare, count);
  }

  #homeless(first: number, end: number): Sectors[] {
    const found: Sectors[] = [];
    for (let at = first; at < end; at++)
      if (this.#entries.spareOf(sectors(at)) === undefined) found.push(sectors(at));
    return found;
  }

  /** Places for sectors of one block: adjacent ones if it is the whole block. */
  #findPlaces(wanted: readonly Sectors[]): Move[] {
    const size = this.#blockSectors;
    const [main] = wanted;
    const isBlock = wanted.length === size && size > 1 && this.#room >= size;
    const spare = isBlock ? this.#space.takeBlock(size) : undefined;
    if (main !== undefined && spare !== undefined) {
      this.#moving += size;
      return [{ main, spare, count: size }];
    }
    return wanted.flatMap((sector) => this.#findPlace(sector));
  }

  #findPlace(main: Sectors): Move[] {
    const spare = this.#room > 0 ? this.#space.take() : undefined;
    if (spare === undefined) return [];
    this.#moving++;
    return [{ main, spare, count: 1 }];
  }

  /** How many more entries the table can hold. */
  get #room(): number {
    return this.#entries.capacity - this.#entries.count - this.#moving;
  }
}

/** As few moves as there can be. */
function join(moves: readonly Move[]): Move[] {
  const joined: Move[] = [];
  for (const move of moves) {
    const last = joined.at(-1);
    const adjacent =
      last !== undefined && last.main + last.count === move.main && last.spare + last.count === move.spare;
    if (adjacent) joined[joined.length - 1] = { ...last, count: last.count + move.count };
    else joined.push(move);
  }
  return joined;
}
