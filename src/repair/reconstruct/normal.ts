import { metadataChecksum } from '../../format/checksum.js';
import { encodeHeader } from '../../format/header.js';
import type { CopyName } from '../../store/copy.js';

/**
 * A header block in the form in which contents are compared and handed on: checksum and copy, which differ
 * between the copies of one content, are zero.
 */
export function normalBlock(block: Uint8Array): Uint8Array {
  return encodeHeader({ checksum: 0, copy: 0 }, block);
}

/**
 * The checksum that a copy of this content stores.
 *
 * @param block in normal form
 * @param tableCrc CRC-32 of the live entries
 * @param tableLength of the live entries, in bytes
 */
export function checksumIn(copy: CopyName, block: Uint8Array, tableCrc: number, tableLength: number): number {
  const placed = copy === 'backup' ? encodeHeader({ copy: 1 }, block) : block;
  return metadataChecksum(placed, tableCrc, tableLength);
}
