import { setImmediate } from 'node:timers/promises';
import type { EntrySectors, LiveEntries } from '../remap/live-entries.js';
import type { SectorIndex } from '../remap/sector-index.js';
import { type Sectors, sectors } from '../units.js';

/** Entries that are put into their place before others get a turn. */
const AT_A_TIME = 1 << 14;

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
    for (let slot = 0; slot < mains.length; slot++) {
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

/** The same numbers ascending; others get their turns meanwhile. */
async function sortedInTurns(numbers: Float64Array): Promise<Float64Array> {
  let sorted = numbers.slice();
  for (let first = 0; first < sorted.length; first += AT_A_TIME) {
    sorted.subarray(first, first + AT_A_TIME).sort();
    await setImmediate();
  }
  let merged = new Float64Array(numbers.length);
  for (let length = AT_A_TIME; length < sorted.length; length *= 2) {
    for (let first = 0; first < sorted.length; first += 2 * length)
      await merge(sorted, first, length, merged);
    [sorted, merged] = [merged, sorted];
  }
  return sorted;
}

/** Two runs of this length, from `first` on, into one; the last may be shorter, or missing. */
async function merge(sorted: Float64Array, first: number, length: number, into: Float64Array): Promise<void> {
  const middle = Math.min(sorted.length, first + length);
  const end = Math.min(sorted.length, middle + length);
  let [left, right] = [first, middle];
  for (let at = first; at < end; at++) {
    const isLeft = right === end || (left < middle && (sorted[left] as number) <= (sorted[right] as number));
    into[at] = sorted[isLeft ? left++ : right++] as number;
    if (at % AT_A_TIME === AT_A_TIME - 1) await setImmediate();
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
