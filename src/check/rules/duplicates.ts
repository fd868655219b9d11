import { ENTRY_WORDS, type RemapTable, SIDE_WORD } from '../../format/entry.js';
import { BitFilter, bitOf, SPREAD_HIGH, SPREAD_LOW } from './bit-filter.js';

/** Bits for each entry: at most one scattered sector in so many meets a bit that is taken by chance. */
const SEEN_BITS = 16;

/** Bits for each entry in the filter of what was met twice: few are, so it can be smaller, and faster. */
const MET_BITS = 4;

/**
 * The indices of live entries whose main (or spare) sector another live entry has too, each once, ascending.
 *
 * An exact table of a million sectors is touched at random and waits for main memory most of the time. A set
 * of bits ("seen before, perhaps") stays in the processor's cache: it leaves few suspects, and only those are
 * compared exactly. Takes 5 bytes of memory an entry while it runs.
 */
export function duplicateIndices(table: RemapTable, side: 'main' | 'spare'): number[] {
  const first = SIDE_WORD[side];
  const met = new BitFilter(table.count * MET_BITS);
  if (!meet(table.words, first, new BitFilter(table.count * SEEN_BITS), met)) return [];
  return exactDuplicates(suspiciousEntries(met, table, first), table.words, first);
}

/** Puts every sector into `seen`, and into `met` where its bit was set before; says whether one was. */
function meet(words: Uint32Array, first: number, seen: BitFilter, met: BitFilter): boolean {
  const { words: seenWords, log } = seen;
  let found = false;
  for (let at = first; at < words.length; at += ENTRY_WORDS) {
    const low = words[at] ?? 0;
    const high = words[at + 1] ?? 0;
    const bit = bitOf(low, high, log);
    const before = seenWords[bit >>> 5] ?? 0;
    const after = before | (1 << (bit & 31));
    seenWords[bit >>> 5] = after;
    if (after !== before) continue;
    const metBit = bitOf(low, high, met.log);
    met.words[metBit >>> 5] = (met.words[metBit >>> 5] ?? 0) | (1 << (metBit & 31));
    found = true;
  }
  return found;
}

/** Every live entry whose sector may be among those met twice: all that are, and a few that are not. */
function suspiciousEntries(met: BitFilter, table: RemapTable, first: number): number[] {
  const { words: metWords, log } = met;
  const { words } = table;
  const suspects: number[] = [];
  for (let at = first; at < words.length; at += ENTRY_WORDS) {
    const bit = bitOf(words[at] ?? 0, words[at + 1] ?? 0, log);
    if (((metWords[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) continue;
    const index = (at - first) / ENTRY_WORDS;
    if (!table.isEmpty(index)) suspects.push(index);
  }
  return suspects;
}

/** Open addressing over entry numbers, neighbours far apart; sectors are compared as two 32-bit words. */
function exactDuplicates(suspects: readonly number[], words: Uint32Array, first: number): number[] {
  const log = Math.max(4, Math.ceil(Math.log2(suspects.length * 2 + 1)));
  const slots = new Uint32Array(2 ** log);
  const mask = slots.length - 1;
  const duplicates = new Set<number>();
  for (const index of suspects) {
    const at = index * ENTRY_WORDS + first;
    const low = words[at] ?? 0;
    const high = words[at + 1] ?? 0;
    let slot = Math.imul(low ^ Math.imul(high, SPREAD_HIGH), SPREAD_LOW) >>> (32 - log);
    for (let other = slots[slot] ?? 0; ; other = slots[slot] ?? 0) {
      if (other === 0) {
        slots[slot] = index + 1;
        break;
      }
      const otherAt = (other - 1) * ENTRY_WORDS + first;
      if (words[otherAt] === low && words[otherAt + 1] === high) {
        duplicates.add(other - 1).add(index);
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return [...duplicates].sort((a, b) => a - b);
}
