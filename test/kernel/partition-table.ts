import { SECTOR } from '../support/format-numbers.js';

/** A DOS partition table with one Linux partition, in sectors. */
export function partitionTable(first: number, count: number): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector[446 + 4] = 0x83;
  sector.writeUInt32LE(first, 446 + 8);
  sector.writeUInt32LE(count, 446 + 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
