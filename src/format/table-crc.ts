import { extendCrc } from './checksum.js';
import { multiply, powerOfX, shiftCrc } from './crc-algebra.js';

/**
 * The CRC-32 of a table after a small change of it, without reading the rest: what a commit costs must not
 * grow with the table.
 */

/**
 * Of a table in which these bytes were replaced by as many others.
 *
 * @param behind how many bytes of the table follow them
 */
export function crcAfterReplacing(
  crc: number,
  before: Uint8Array,
  after: Uint8Array,
  behind: number,
): number {
  if (before.length !== after.length)
    throw new RangeError(`${after.length} bytes in the place of ${before.length}`);
  return (crc ^ shiftCrc((extendCrc(0, before) ^ extendCrc(0, after)) >>> 0, behind)) >>> 0;
}

/** Of a table without these last bytes of it. */
export function crcWithoutTail(crc: number, tail: Uint8Array): number {
  return multiply((crc ^ extendCrc(0, tail)) >>> 0, powerOfX(-8 * tail.length));
}
