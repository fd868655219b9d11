import { extendCrc, headerCrc } from '../../format/checksum.js';
import { POLYNOMIAL, powerOfX } from '../../format/crc-algebra.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { encodeHeader, HEADER, HEADER_SIZE } from '../../format/header.js';
import { fieldNamed } from '../../layout/layout.js';
import { product } from './product.js';

const ENTRY_COUNT = fieldNamed(HEADER, 'entry_count');

/** By how many bytes (0 to 15) stand behind it, what a byte adds to a CRC register: 256 words each. */
const TABLES = crcTables();

function crcTables(): Int32Array {
  const tables = new Int32Array(256 * ENTRY_SIZE);
  for (let byte = 0; byte < 256; byte++) {
    let word = byte;
    for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ POLYNOMIAL : word >>> 1;
    tables[byte] = word;
  }
  for (let at = 256; at < tables.length; at++) {
    const word = tables[at - 256] ?? 0;
    tables[at] = (tables[word & 0xff] ?? 0) ^ (word >>> 8);
  }
  return tables;
}

/** What a word of the register becomes when this many bytes, at least 4, have been taken in after it. */
function advance(word: number, length: number): number {
  const from = (length - 4) << 8;
  return (
    (TABLES[from + 768 + (word & 0xff)] ?? 0) ^
    (TABLES[from + 512 + ((word >>> 8) & 0xff)] ?? 0) ^
    (TABLES[from + 256 + ((word >>> 16) & 0xff)] ?? 0) ^
    (TABLES[from + (word >>> 24)] ?? 0)
  );
}

/**
 * All entry counts for which a checksum fits: one pass over the table, for any number of counts.
 *
 * The CRC of the header with count 0 and the first n entries runs along. What the bits of n in the header
 * add to it is a linear function of n, moved on by 16 bytes for each entry.
 *
 * @param block a header block with the copy field of its place; its entry_count does not matter
 * @param slots the table, as many slots as counts are to be tried beyond 0
 * @param most no more are given: a table can be made so that any number of counts fits
 */
export function matchingCounts(
  block: Uint8Array,
  slots: Uint8Array,
  checksum: number,
  most = Number.POSITIVE_INFINITY,
): number[] {
  const last = slots.length / ENTRY_SIZE;
  const view = new DataView(slots.buffer, slots.byteOffset, slots.byteLength);
  const base = headerCrc(encodeHeader({ entry_count: 0 }, block));
  const steps = countSteps(last);
  const found: number[] = [];
  // both inverted, as the register is
  const wanted = ~checksum;
  let register = ~base;
  let ofCount = 0;
  let power = 1 << 31;
  for (let count = 0; ; count++) {
    if ((register ^ wanted) === product(ofCount, power)) found.push(count);
    if (count >= last || found.length >= most) return found;
    const at = count * ENTRY_SIZE;
    register =
      advance(register ^ view.getInt32(at, true), 16) ^
      advance(view.getInt32(at + 4, true), 12) ^
      advance(view.getInt32(at + 8, true), 8) ^
      advance(view.getInt32(at + 12, true), 4);
    power = advance(power, 16);
    // from count to count + 1 the lowest bits change, up to the lowest one that is 0
    ofCount ^= steps[31 - Math.clz32(~count & (count + 1))] ?? 0;
  }
}

/** By k: what the change of bits 0 to k of entry_count adds to the CRC of the header. */
function countSteps(most: number): number[] {
  const word = new DataView(new ArrayBuffer(ENTRY_COUNT.size));
  const zero = extendCrc(0, new Uint8Array(word.buffer));
  const behind = powerOfX(8 * (HEADER_SIZE - ENTRY_COUNT.offset - ENTRY_COUNT.size));
  const steps: number[] = [];
  let sum = 0;
  for (let bit = 0; bit < 32 && 2 ** bit <= most; bit++) {
    word.setUint32(0, 2 ** bit, true);
    sum ^= product(extendCrc(0, new Uint8Array(word.buffer)) ^ zero, behind);
    steps.push(sum);
  }
  return steps;
}
