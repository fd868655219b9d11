/**
 * Two units that must never mix: sectors (512 bytes, numbers and counts of them) and bytes (offsets and
 * lengths). Both are numbers below 2^53; arithmetic yields a plain number that is given its unit again.
 */

declare const unit: unique symbol;

/** A sector number or a count of sectors, 512 bytes each, on any device (also on 4Kn disks). */
export type Sectors = number & { readonly [unit]: 'sector' };

/** An offset or a length in bytes. */
export type Bytes = number & { readonly [unit]: 'byte' };

/** Bytes in a sector. */
export const SECTOR_SIZE = 512;

/** The block in which metadata is laid out and written, in bytes. */
export const BLOCK_SIZE = 4096;

export function sectors(count: number): Sectors {
  return count as Sectors;
}

export function bytes(count: number): Bytes {
  return count as Bytes;
}

export function sectorsToBytes(count: Sectors): Bytes {
  return (count * SECTOR_SIZE) as Bytes;
}

/** The sector that holds this byte offset, or the whole sectors in a length: rounded down. */
export function bytesToSectors(count: number): Sectors {
  return Math.floor(count / SECTOR_SIZE) as Sectors;
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

export function roundDown(value: number, multiple: number): number {
  return Math.floor(value / multiple) * multiple;
}
