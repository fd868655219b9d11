/** An entry's sector is sorted by this many bits at a time: so few places are written to at once that caches hold them. */
const DIGIT_BITS = 11;
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
  const spare = { indices: new Uint32Array(indices.length), keys: new Uint32Array(indices.length) };
  const sorting: Sorting = { indices, keys: new Uint32Array(indices.length), spare };
  for (const word of [low, low + 1]) orderByWord(sorting, words, stride, word);
  return sorting.indices;
}

/** Indices beside what they are sorted by, and as much room again to sort them into. */
interface Sorting {
  indices: Uint32Array;
  keys: Uint32Array;
  spare: { indices: Uint32Array; keys: Uint32Array };
}

function orderByWord(sorting: Sorting, words: Uint32Array, stride: number, word: number): void {
  const { indices, keys } = sorting;
  // beside each other, since reaching into the table for each digit would cost more than the sorting
  let seen = 0;
  for (let place = 0; place < indices.length; place++) {
    const key = words[(indices[place] as number) * stride + word] as number;
    keys[place] = key;
    seen |= key;
  }
  const counts = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32 && seen >>> shift !== 0; shift += DIGIT_BITS)
    placeByDigit(sorting, counts, shift);
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

/** @param shift how many lower bits of the keys are not part of the digit */
function placeByDigit(sorting: Sorting, counts: Uint32Array, shift: number): void {
  const { indices, keys, spare } = sorting;
  const [toIndices, toKeys] = [spare.indices, spare.keys];
  const mask = DIGITS - 1;
  counts.fill(0);
  for (let place = 0; place < keys.length; place++) {
    const value = ((keys[place] as number) >>> shift) & mask;
    counts[value] = (counts[value] as number) + 1;
  }
  let next = 0;
  for (let value = 0; value < DIGITS; value++) {
    const count = counts[value] as number;
    counts[value] = next;
    next += count;
  }
  for (let place = 0; place < keys.length; place++) {
    const key = keys[place] as number;
    const value = (key >>> shift) & mask;
    const free = counts[value] as number;
    toIndices[free] = indices[place] as number;
    toKeys[free] = key;
    counts[value] = free + 1;
  }
  sorting.indices = toIndices;
  sorting.keys = toKeys;
  sorting.spare = { indices, keys };
}
