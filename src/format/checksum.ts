import crc32 from 'crc/calculators/crc32';
import { fieldNamed } from '../layout/layout.js';
import { shiftCrc } from './crc-algebra.js';
import { HEADER, HEADER_SIZE } from './header.js';

const CHECKSUM_FIELD = fieldNamed(HEADER, 'checksum');

/** The CRC-32 of `before` followed by `block`, given the CRC-32 of `before`; 0 is the CRC-32 of nothing. */
export type Summer = (before: number, block: Uint8Array) => number;

let summer: Summer = (before, block) =>
  // the library takes a previous value of 0 for a register of 0, which is not the CRC of anything that we
  // continue; leaving the argument out starts, rightly, from the CRC of nothing
  (before === 0 ? crc32(block) : crc32(block, before)) >>> 0;

/** From here on all is summed by this one, which is faster and gives the same. */
export function sumBy(faster: Summer): void {
  summer = faster;
}

/** Sums bytes, see Summer. */
export function extendCrc(before: number, block: Uint8Array): number {
  return summer(before, block);
}

/** The CRC-32 of two blocks on end, from that of each. @param length of the second one, in bytes */
export function joinCrcs(first: number, second: number, length: number): number {
  return (shiftCrc(first, length) ^ second) >>> 0;
}

/** The CRC-32 of the 4096 header bytes with the checksum field taken as zero. */
export function headerCrc(header: Uint8Array): number {
  const block = new Uint8Array(header.subarray(0, HEADER_SIZE));
  block.fill(0, CHECKSUM_FIELD.offset, CHECKSUM_FIELD.offset + CHECKSUM_FIELD.size);
  return extendCrc(0, block);
}

/**
 * The checksum of format.md section 3 from the CRC-32 of the live entries, so that a table that stands in
 * both copies is summed once.
 */
export function metadataChecksum(header: Uint8Array, tableCrc: number, tableLength: number): number {
  return joinCrcs(headerCrc(header), tableCrc, tableLength);
}

/** The checksum that belongs into this header with this table. */
export function checksumOf(header: Uint8Array, table: Uint8Array): number {
  return metadataChecksum(header, extendCrc(0, table), table.length);
}
