import { ENTRY_WORDS, type RemapTable } from '../format/entry.js';

/** One sector of main that comes from another place in the second of two tables. */
export interface EntryDifference {
  readonly main: bigint;
  /** The spare sector in the first table; undefined: not remapped there. */
  readonly from: bigint | undefined;
  /** The spare sector in the second table. */
  readonly to: bigint | undefined;
}

/**
 * What becomes of remaps from one table to the next, ascending by main sector; the order of entries means
 * nothing. Costs memory for slots that differ, not for the tables.
 */
export function entryDifferences(now: RemapTable, then: RemapTable): EntryDifference[] {
  const before = remapsOf(now, then);
  const after = remapsOf(then, now);
  const differences: EntryDifference[] = [];
  for (const [main, from] of before) {
    const to = after.get(main);
    if (to !== from) differences.push({ main, from, to });
  }
  for (const [main, to] of after) if (!before.has(main)) differences.push({ main, from: undefined, to });
  return differences.sort((a, b) => (a.main < b.main ? -1 : 1));
}

/** The live entries of a table in slots that hold something else in the other one. */
function remapsOf(table: RemapTable, other: RemapTable): Map<bigint, bigint> {
  const remaps = new Map<bigint, bigint>();
  for (const slot of table.live())
    if (!sameSlot(table, other, slot)) remaps.set(table.exactMainSector(slot), table.exactSpareSector(slot));
  return remaps;
}

function sameSlot(a: RemapTable, b: RemapTable, slot: number): boolean {
  if (slot >= b.count) return false;
  const word = slot * ENTRY_WORDS;
  for (let index = word; index < word + ENTRY_WORDS; index++)
    if (a.words[index] !== b.words[index]) return false;
  return true;
}
