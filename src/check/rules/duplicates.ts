import { ENTRY_SIZE, type RemapTable, SIDE_OFFSET } from '../../format/entry.js';
import { BitFilter } from './bit-filter.js';

/** Odd, with well spread bits: multiplying by them spreads neighbouring sectors over filters and slots. */
const SPREAD_LOW = 0x9e3779b1;
const SPREAD_HIGH = 0x85ebca6b;

/** Bits for each entry: at most one sector in so many meets a bit that is taken by chance. */
const SEEN_BITS = 32;

/** Bits for each entry in the filter of what was met twice: few are, so it can be smaller, and faster. */
const MET_BITS = 4;

/**
 * The indices of live entries whose main (or spare) sector another live entry has too, each once, ascending.
 *
 * An exact table of a million sectors is touched at random and waits for main memory most of the time. A set
 * of bits ("seen before, perhaps") stays in the processor's cache: it leaves few suspects, and only those are
 * compared exactly. Takes 8 bytes of memory an entry while it runs.
 */
export function duplicateIndices(table: RemapTable, side: 'main' | 'spare'): number[] {
  if (table.count === 0) return [];
  const view = new DataView(table.bytes.buffer, table.bytes.byteOffset + SIDE_OFFSET[side]);
  const suspects = suspiciousEntries(table, view);
  return suspects.length === 0 ? [] : exactDuplicates(suspects, view);
}

function hashAt(view: DataView, index: number): number {
  const low = view.getInt32(index * ENTRY_SIZE, true);
  const high = view.getInt32(index * ENTRY_SIZE + 4, true);
  return Math.imul(low ^ Math.imul(high, SPREAD_HIGH), SPREAD_LOW);
}

/** Every live entry whose sector another may have: all that do, and a few that do not. */
function suspiciousEntries(table: RemapTable, view: DataView): number[] {
  const seen = new BitFilter(table.count * SEEN_BITS);
  const met = new BitFilter(table.count * MET_BITS);
  let found = false;
  for (let index = 0; index < table.count; index++) {
    const hash = hashAt(view, index);
    if (!seen.add(hash) || table.isEmpty(index)) continue;
    met.add(hash);
    found = true;
  }
  const suspects: number[] = [];
  if (!found) return suspects;
  for (let index = 0; index < table.count; index++)
    if (met.has(hashAt(view, index)) && !table.isEmpty(index)) suspects.push(index);
  return suspects;
}

/** Open addressing over entry numbers; sectors are compared as two 32-bit words. */
function exactDuplicates(suspects: readonly number[], view: DataView): number[] {
  const bits = Math.max(4, Math.ceil(Math.log2(suspects.length * 2 + 1)));
  const slots = new Uint32Array(2 ** bits);
  const mask = slots.length - 1;
  const duplicates = new Set<number>();
  for (const index of suspects) {
    const low = view.getInt32(index * ENTRY_SIZE, true);
    const high = view.getInt32(index * ENTRY_SIZE + 4, true);
    let slot = hashAt(view, index) >>> (32 - bits);
    for (let other = slots[slot] ?? 0; ; other = slots[slot] ?? 0) {
      if (other === 0) {
        slots[slot] = index + 1;
        break;
      }
      const at = (other - 1) * ENTRY_SIZE;
      if (view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high) {
        duplicates.add(other - 1).add(index);
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return [...duplicates].sort((a, b) => a - b);
}
