import { ENTRY_SIZE, RemapTable } from '../../format/entry.js';
import { dataStart } from '../../format/geometry.js';
import { BLOCK_SIZE, type Bytes, SECTOR_SIZE, type Sectors, sectors } from '../../units.js';

/** Entries one after the other that could be the live ones of a table. */
export interface Run {
  /** Of the memory that was scanned. */
  readonly at: number;
  readonly table: RemapTable;
  /** The lowest spare sector: the table and its free slots end below it. */
  readonly firstSpare: Sectors;
}

export interface ScanLimits {
  /** In sectors. */
  readonly mainSize: Sectors;
  readonly deviceSize: Bytes;
}

/** No table has its data below this sector. */
const FIRST_DATA = dataStart(1);

/** The entries from this byte on that could be live together; undefined where the first one could not be. */
export function runAt(memory: Uint8Array, at: number, { mainSize, deviceSize }: ScanLimits): Run | undefined {
  const slots = new RemapTable(memory.subarray(at, at + wholeEntries(memory.length - at)));
  const [mains, spares] = [new Set<number>(), new Set<number>()];
  let firstSpare = Number.POSITIVE_INFINITY;
  let count = 0;
  for (; count < slots.count; count++) {
    const [main, spare] = [slots.mainSector(count), slots.spareSector(count)];
    const lowest = Math.min(firstSpare, spare);
    const inRange = main < mainSize && spare >= FIRST_DATA && (spare + 1) * SECTOR_SIZE <= deviceSize;
    if (!inRange || mains.has(main) || spares.has(spare) || dataStart(count + 1) > lowest) break;
    mains.add(main);
    spares.add(spare);
    firstSpare = lowest;
  }
  if (count === 0) return undefined;
  const bytes = memory.slice(at, at + count * ENTRY_SIZE);
  return { at, table: new RemapTable(bytes), firstSpare: sectors(firstSpare) };
}

/** The longest of the runs that begin where a table can begin: on a multiple of 4 KiB. */
export function longestRun(
  memory: Uint8Array,
  limits: ScanLimits,
  accepts: (run: Run) => boolean,
): Run | undefined {
  let longest: Run | undefined;
  for (let at = 0; at < memory.length; at += BLOCK_SIZE) {
    const run = runAt(memory, at, limits);
    if (run === undefined) continue;
    if (run.table.count > (longest?.table.count ?? 0) && accepts(run)) longest = run;
    // what begins within it is a part of it
    at += Math.floor((run.table.bytes.length - 1) / BLOCK_SIZE) * BLOCK_SIZE;
  }
  return longest;
}

function wholeEntries(length: number): number {
  return length - (length % ENTRY_SIZE);
}
