import { setImmediate } from 'node:timers/promises';
import type { LiveEntries } from '../remap/live-entries.js';
import { type Sectors, sectors } from '../units.js';

/** Entries that are put into their place before others get a turn. */
const AT_A_TIME = 1 << 15;

/** The entries of a set as they were at one moment, by ascending spare sector. */
export class BySpare {
  readonly #mains: Float64Array;
  readonly #spares: Float64Array;

  private constructor(mains: Float64Array, spares: Float64Array) {
    this.#mains = mains;
    this.#spares = spares;
  }

  static async of(entries: LiveEntries): Promise<BySpare> {
    const { count } = entries;
    const mains = Float64Array.from({ length: count }, (_, slot) => entries.mainAt(slot));
    const spares = Float64Array.from({ length: count }, (_, slot) => entries.spareAt(slot));
    const ascending = spares.slice().sort();
    const sorted = new Float64Array(count);
    for (let slot = 0; slot < count; slot++) {
      sorted[rankOf(ascending, spares[slot] as number)] = mains[slot] as number;
      if (slot % AT_A_TIME === AT_A_TIME - 1) await setImmediate();
    }
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
