import type { SectorRange } from '../exchange/quantities.js';
import type { RemapTable } from '../format/entry.js';
import type { MainChoice } from './main-device.js';
import { refuseBeyond } from './main-sectors.js';
import type { Owners } from './owners/owners.js';
import { diagnoseSpare, legible, refuseUnknown } from './spare.js';

/**
 * A run of main sectors that lie side by side on the spare, or that are not remapped. Where a table breaks the
 * rules, the further entries of a main sector follow its first one.
 */
export interface LookupRun {
  readonly main_sector: bigint;
  readonly count: bigint;
  /** Where the first of them lives; null: on main itself. */
  readonly spare_sector: bigint | null;
}

export interface LookupOptions {
  /** Say which files the remapped sectors belong to, on this main. */
  readonly files?: MainChoice | undefined;
}

export interface LookupResult {
  /** False where no copy of the metadata is valid: nothing is known then, and nothing is answered. */
  readonly valid: boolean;
  readonly runs: readonly LookupRun[];
  readonly allRemapped: boolean;
  /** Of the remapped ones; only where it was asked for. */
  readonly owners?: Owners;
}

/**
 * Where sectors of main live (dmremap lookup).
 *
 * @throws DmremapError `usage` where main has no such sector: it is neither remapped nor not remapped
 */
export async function lookup(
  path: string,
  ranges: readonly SectorRange[],
  { files }: LookupOptions = {},
): Promise<LookupResult> {
  const diagnosis = await diagnoseSpare(path);
  refuseUnknown(path, diagnosis.problems);
  const spare = legible(diagnosis);
  if (spare === undefined) return { valid: false, runs: [], allRemapped: false };
  refuseBeyond(ranges, spare.chosen.header.main_device_size);
  const remapped = new SortedRemaps(spare.table);
  const runs = ranges.flatMap((range) => [...remapped.runsOf(range)]);
  const result = { valid: true, runs, allRemapped: runs.every(({ spare_sector }) => spare_sector !== null) };
  if (files === undefined) return result;
  const { ownersOnMain } = await import('./owners/owners.js');
  return { ...result, owners: await ownersOnMain(path, spare.chosen.header, files, remappedIn(runs)) };
}

/** Ascending, each once. */
function* remappedIn(runs: readonly LookupRun[]): Generator<number> {
  let next = 0;
  const remapped = runs.filter(({ spare_sector }) => spare_sector !== null);
  for (const { main_sector, count } of remapped.sort((a, b) => Number(a.main_sector - b.main_sector)))
    for (const end = Number(main_sector + count); next < end; next++) {
      next = Math.max(next, Number(main_sector));
      yield next;
    }
}

/** A main sector has several entries. What was asked for twice is answered twice, too, with the same entry. */
export function hasRepeats(runs: readonly LookupRun[]): boolean {
  return runs.some(({ main_sector, count, spare_sector }, index) => {
    const next = runs[index + 1];
    if (next === undefined || spare_sector === null) return false;
    return next.main_sector === main_sector + count - 1n && next.spare_sector !== spare_sector + count - 1n;
  });
}

/** Entry numbers in the order of their main sectors, for point and range look-ups. */
class SortedRemaps {
  readonly #table: RemapTable;
  readonly #order: Uint32Array;

  constructor(table: RemapTable) {
    this.#table = table;
    this.#order = table.sortedIndices('main');
  }

  *runsOf(range: SectorRange): IterableIterator<LookupRun> {
    let next = BigInt(range.first);
    const end = next + BigInt(range.count);
    for (let place = this.#firstAtLeast(next); next < end; ) {
      const index = this.#order[place];
      const main = index === undefined ? end : this.#table.exactMainSector(index);
      if (index === undefined || main >= end) {
        yield { main_sector: next, count: end - next, spare_sector: null };
        return;
      }
      if (main > next) yield { main_sector: next, count: main - next, spare_sector: null };
      const spare = this.#table.exactSpareSector(index);
      let length = 1n;
      for (place++; ; place++, length++) {
        const following = this.#order[place];
        if (following === undefined || main + length >= end) break;
        if (this.#table.exactMainSector(following) !== main + length) break;
        if (this.#table.exactSpareSector(following) !== spare + length) break;
      }
      yield { main_sector: main, count: length, spare_sector: spare };
      next = main + length;
      // which entry of a main sector that stands twice counts cannot be told: all of them are answered
      for (; (this.#mainAt(place) ?? next) < next; place++) yield this.#single(place);
    }
  }

  #single(place: number): LookupRun {
    const index = this.#order[place] ?? 0;
    return {
      main_sector: this.#table.exactMainSector(index),
      count: 1n,
      spare_sector: this.#table.exactSpareSector(index),
    };
  }

  #mainAt(place: number): bigint | undefined {
    const index = this.#order[place];
    return index === undefined ? undefined : this.#table.exactMainSector(index);
  }

  #firstAtLeast(sector: bigint): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#mainAt(middle) ?? 0n) < sector) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
