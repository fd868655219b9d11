import { ENTRY_WORDS, type RemapTable, SIDE_WORD } from '../../format/entry.js';
import { BitFilter, bitOf } from './bit-filter.js';

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
  if (isAscending(table.words, first)) return [];
  const met = new BitFilter(table.count * MET_BITS);
  if (!meet(table.words, first, new BitFilter(table.count * SEEN_BITS), met)) return [];
  return exactDuplicates(suspiciousEntries(met, table, first), table.words, first);
}

/** Each sector lies beyond the one before it, as where one list was remapped: then none comes twice. */
function isAscending(words: Uint32Array, first: number): boolean {
  let [lastLow, lastHigh] = [-1, -1];
  for (let at = first; at < words.length; at += ENTRY_WORDS) {
    const low = words[at] ?? 0;
    const high = words[at + 1] ?? 0;
    if (high < lastHigh || (high === lastHigh && low <= lastLow)) return false;
    lastLow = low;
    lastHigh = high;
  }
  return true;
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

/** Which of the two 32-bit words of a 64-bit one is the low one in this machine's memory. */
const LOW = new Uint32Array(new BigUint64Array([1n]).buffer)[0] === 1 ? 0 : 1;

/** By sorting, whose cost no table can drive up: sectors may have been chosen by somebody. */
function exactDuplicates(suspects: readonly number[], words: Uint32Array, first: number): number[] {
  const sectors = new BigUint64Array(suspects.length);
  const halves = new Uint32Array(sectors.buffer);
  suspects.forEach((index, at) => {
    const word = index * ENTRY_WORDS + first;
    halves[2 * at + LOW] = words[word] ?? 0;
    halves[2 * at + 1 - LOW] = words[word + 1] ?? 0;
  });
  sectors.sort();
  const repeated = keepRepeated(halves);
  if (repeated.length === 0) return [];
  return suspects.filter((index) => {
    const word = index * ENTRY_WORDS + first;
    return isAmong(repeated, words[word] ?? 0, words[word + 1] ?? 0);
  });
}

/** Of sorted sectors those that come more than once, each once, in the same memory. */
function keepRepeated(halves: Uint32Array): Uint32Array {
  let kept = 0;
  for (let at = 2; at < halves.length; at += 2) {
    const [one, other] = [halves[at], halves[at + 1]];
    if (one !== halves[at - 2] || other !== halves[at - 1]) continue;
    if (kept > 0 && one === halves[kept - 2] && other === halves[kept - 1]) continue;
    halves[kept++] = one ?? 0;
    halves[kept++] = other ?? 0;
  }
  return halves.subarray(0, kept);
}

function isAmong(halves: Uint32Array, low: number, high: number): boolean {
  let from = 0;
  let to = halves.length / 2;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const difference = (halves[2 * middle + 1 - LOW] ?? 0) - high || (halves[2 * middle + LOW] ?? 0) - low;
    if (difference === 0) return true;
    if (difference < 0) from = middle + 1;
    else to = middle;
  }
  return false;
}
