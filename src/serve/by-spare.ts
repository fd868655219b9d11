import type { EntrySectors, LiveEntries } from '../remap/live-entries.js';
import type { SectorIndex } from '../remap/sector-index.js';
import { type Sectors, sectors } from '../units.js';
import { inTurns, sortedInTurns } from './in-turns.js';

/** The entries of a set as they were at one moment, by ascending spare sector. */
export class BySpare {
  readonly #mains: Float64Array;
  readonly #spares: Float64Array;

  private constructor(mains: Float64Array, spares: Float64Array) {
    this.#mains = mains;
    this.#spares = spares;
  }

  static of(entries: LiveEntries): Promise<BySpare> {
    return BySpare.#sorted(entries.copied());
  }

  /** Those of these sectors of main alone that have one. */
  static among(entries: LiveEntries, mains: SectorIndex): Promise<BySpare> {
    const found: number[] = [];
    mains.walk(0, Number.POSITIVE_INFINITY, (main) => {
      if (entries.spareOf(sectors(main)) !== undefined) found.push(main);
    });
    const spares = Float64Array.from(found, (main) => entries.spareOf(sectors(main)) as number);
    return BySpare.#sorted({ mains: Float64Array.from(found), spares });
  }

  static async #sorted({ mains, spares }: EntrySectors): Promise<BySpare> {
    const ascending = await sortedInTurns(spares);
    const sorted = new Float64Array(mains.length);
    await inTurns(mains.length, (slot) => {
      sorted[rankOf(ascending, spares[slot] as number)] = mains[slot] as number;
    });
    return new BySpare(sorted, ascending);
  }

  get count(): number {
    return this.#spares.length;
  }

  mainAt(index: number): Sectors {
    return sectors(this.#mains[index] as number);
  }

  spareAt(index: number): Sectors {
    return sectors(this.#spares[index] as number);
  }
}

/** Where this sector, which is among them, stands. */
function rankOf(ascending: Float64Array, sector: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < sector) low = middle + 1;
    else high = middle;
  }
  return low;
}
