/** An entry's sector is sorted by this many bits at a time. */
const DIGIT_BITS = 16;
const DIGITS = 2 ** DIGIT_BITS;

/**
 * Sorts indices of entries by their sectors on one side, exact to 64 bits; equal ones keep their order.
 * Comparing a million of them would hold others up for most of a second: the time this takes is linear.
 *
 * @param words of the table: little-endian 32-bit words, `stride` for an entry
 * @param low where among them the low word of the sector lies; the high word follows
 * @returns the same array, or another of its length
 */
export function orderBySector(
  indices: Uint32Array,
  words: Uint32Array,
  { stride, low }: { readonly stride: number; readonly low: number },
): Uint32Array {
  if (isAscending(indices, words, stride, low)) return indices;
  const counts = new Uint32Array(DIGITS);
  let from = indices;
  let to: Uint32Array = new Uint32Array(indices.length);
  for (const word of [low, low + 1])
    for (const shift of [0, DIGIT_BITS])
      if (placeByDigit(from, to, counts, { words, stride, word, shift })) [from, to] = [to, from];
  return from;
}

interface Digit {
  readonly words: Uint32Array;
  readonly stride: number;
  /** Of an entry, from which the digit is taken, and how many lower bits of it are not part of it. */
  readonly word: number;
  readonly shift: number;
}

function isAscending(indices: Uint32Array, words: Uint32Array, stride: number, low: number): boolean {
  let lastLow = 0;
  let lastHigh = 0;
  for (let place = 0; place < indices.length; place++) {
    const at = (indices[place] as number) * stride + low;
    const lowWord = words[at] as number;
    const highWord = words[at + 1] as number;
    if (highWord < lastHigh || (highWord === lastHigh && lowWord < lastLow)) return false;
    lastLow = lowWord;
    lastHigh = highWord;
  }
  return true;
}

/** Returns false, and does nothing, where all have the same digit. */
function placeByDigit(
  from: Uint32Array,
  to: Uint32Array,
  counts: Uint32Array,
  { words, stride, word, shift }: Digit,
): boolean {
  const mask = DIGITS - 1;
  counts.fill(0);
  for (let place = 0; place < from.length; place++) {
    const value = ((words[(from[place] as number) * stride + word] as number) >>> shift) & mask;
    counts[value] = (counts[value] as number) + 1;
  }
  if (counts.includes(from.length)) return false;
  let next = 0;
  for (let value = 0; value < DIGITS; value++) {
    const count = counts[value] as number;
    counts[value] = next;
    next += count;
  }
  for (let place = 0; place < from.length; place++) {
    const index = from[place] as number;
    const value = ((words[index * stride + word] as number) >>> shift) & mask;
    const free = counts[value] as number;
    to[free] = index;
    counts[value] = free + 1;
  }
  return true;
}
