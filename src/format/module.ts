import { fieldNamed } from '../layout/layout.js';
import { BLOCK_SIZE, SECTOR_SIZE } from '../units.js';
import { extendCrc } from './checksum.js';
import { inverse, multiply, ONE, powerOfX } from './crc-algebra.js';
import { ENTRY_SIZE, type RemapTable } from './entry.js';
import { encodeHeader, HEADER, HEADER_SIZE } from './header.js';

/** The layout of the dm-remap v3 kernel module and its checksum, format.md section 7. */

/** Its capacity; it refuses a larger count. */
export const MODULE_CAPACITY = 252;

/** Bytes of a spare in which its header and table lie. */
export const MODULE_METADATA_SIZE = HEADER_SIZE + MODULE_CAPACITY * ENTRY_SIZE;

/** Its header struct is 8 bytes longer than the header and reaches into entry 0. */
export const TAIL_SIZE = 8;

/** A tail of zeros: what the module has where it never read a header. */
export const ZERO_TAIL = new Uint8Array(TAIL_SIZE);

/** The first byte that its checksum covers. */
const SUMMED_FROM = 4;

const { offset: CHECKSUM_AT, size: CHECKSUM_SIZE } = fieldNamed(HEADER, 'checksum');

/** Bytes of header and tail that follow the checksum field. */
const BEHIND_CHECKSUM = HEADER_SIZE + TAIL_SIZE - CHECKSUM_AT - CHECKSUM_SIZE;

/** What the module sums: its header struct, the checksum field included, and the live entries. */
export interface Summed {
  /** The 4096 bytes of the header. */
  readonly block: Uint8Array;
  /** The last 8 bytes of its struct: on the device, entry 0's main sector. */
  readonly tail: Uint8Array;
  /** The live entries. */
  readonly table: Uint8Array;
}

/** The module's CRC: register 0 at first, no final inversion. */
export function moduleCrc({ block, tail, table }: Summed): number {
  const parts = [block.subarray(SUMMED_FROM, HEADER_SIZE), tail, table];
  return (parts.reduce((crc, part) => extendCrc(crc, part), 0xffffffff) ^ 0xffffffff) >>> 0;
}

/**
 * The one checksum that the module accepts for this header and table, whatever stands in the field now: the CRC
 * over all bytes with that checksum among them. With c in the field the CRC is b + c·p, where b is the CRC with
 * the field zero and p the power of x by which the field is shifted; c = b + c·p has exactly one solution
 * b / (1 + p), since x has an order of 2^32 - 1 and p is therefore never 1.
 */
export function consistentChecksum({ block, tail, table }: Summed): number {
  const empty = encodeHeader({ checksum: 0 }, block);
  const shift = powerOfX(8 * (CHECKSUM_SIZE + BEHIND_CHECKSUM + table.length));
  return multiply(moduleCrc({ block: empty, tail, table }), inverse((ONE ^ shift) >>> 0));
}

/** Whether the module accepts this checksum: it is consistent with itself. */
export function isConsistent(summed: Summed): boolean {
  return moduleCrc(summed) === encodedChecksum(summed.block);
}

function encodedChecksum(block: Uint8Array): number {
  return new DataView(block.buffer, block.byteOffset).getUint32(CHECKSUM_AT, true);
}

/** Bytes of a front as the module sums them where they lie. */
export function asItLies(front: Uint8Array, count: number): Summed {
  return {
    block: front.subarray(0, HEADER_SIZE),
    tail: front.subarray(HEADER_SIZE, HEADER_SIZE + TAIL_SIZE),
    table: front.subarray(HEADER_SIZE, HEADER_SIZE + count * ENTRY_SIZE),
  };
}

/** Requests of file systems come in whole blocks of so many sectors; the module looks at the first one only. */
const SECTORS_IN_REQUEST = BLOCK_SIZE / SECTOR_SIZE;

/** Indices of the entries whose main sector does not begin such a block: those requests never reached them. */
export function unalignedEntries(table: RemapTable): number[] {
  return [...table.live()].filter((index) => table.mainSector(index) % SECTORS_IN_REQUEST !== 0);
}
