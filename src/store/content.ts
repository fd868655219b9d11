import { metadataChecksum } from '../format/checksum.js';
import { ENTRY_SIZE, type RemapTable } from '../format/entry.js';
import { nextGeneration } from '../format/generation.js';
import { plainGeometry, redundantGeometry, TABLE_START, tableArea } from '../format/geometry.js';
import { decodeHeader, encodeHeader, type Header, hasExtension, isRedundant } from '../format/header.js';
import { BLOCK_SIZE, type Bytes, bytes, roundUp, SECTOR_SIZE, type Sectors } from '../units.js';
import type { CopyName } from './copy.js';

/** What a header is sealed with: its block, whose checksum and copy field mean nothing here, and the table's sum. */
export interface Head {
  readonly block: Uint8Array;
  readonly header: Header;
  /** CRC-32 of the live entries. */
  readonly tableCrc: number;
}

/** Metadata as a value: a header and the live entries. */
export interface Content extends Head {
  readonly table: RemapTable;
}

export function contentOf(block: Uint8Array, table: RemapTable): Content {
  return {
    block,
    header: decodeHeader(block),
    table,
    // a table of a million entries is summed only where something is sealed with it
    get tableCrc() {
      return table.crc;
    },
  };
}

/**
 * The next commit's content: these changes, this time, one generation on unless the changes name one;
 * entry_count follows the table.
 */
export function nextContent(
  content: Content,
  changes: Partial<Header>,
  now: bigint,
  table: RemapTable = content.table,
): Content {
  return contentOf(nextBlock(content, { ...changes, entry_count: table.count }, now), table);
}

/** The header block of the next commit: these changes, this time, one generation on unless the changes name one. */
export function nextBlock({ block, header }: Head, changes: Partial<Header>, now: bigint): Uint8Array {
  const generation = nextGeneration(header.generation);
  return encodeHeader({ generation, ...changes, last_update_time: now }, block);
}

/** The same metadata under another generation. */
export function underGeneration(head: Head, generation: number): Head {
  const block = encodeHeader({ generation }, head.block);
  return { block, header: decodeHeader(block), tableCrc: head.tableCrc };
}

/** The header block of one copy as it lies on the device: with its copy field and its checksum. */
export function sealedBlock({ block, header, tableCrc }: Head, copy: CopyName): Uint8Array {
  const own = hasExtension(header) ? encodeHeader({ copy: copy === 'primary' ? 0 : 1 }, block) : block;
  return encodeHeader({ checksum: metadataChecksum(own, tableCrc, header.entry_count * ENTRY_SIZE) }, own);
}

export interface CopyPlace {
  readonly headerAt: Bytes;
  readonly tableAt: Bytes;
}

/** Where a copy with this header belongs, by its own word. */
export function placeOf(header: Header, copy: CopyName): CopyPlace {
  if (copy === 'primary') return { headerAt: bytes(0), tableAt: TABLE_START };
  const headerAt = bytes(Number(header.backup_header) * SECTOR_SIZE);
  return { headerAt, tableAt: bytes(headerAt - tableArea(header.max_entries)) };
}

/** Whether the copies of both lie in the same places. */
export function samePlaces(a: Header, b: Header): boolean {
  return (
    isRedundant(a) === isRedundant(b) &&
    a.max_entries === b.max_entries &&
    a.backup_header === b.backup_header
  );
}

/** The live entries filled up with zeros to whole 4 KiB blocks. */
export function tableBlocks(table: RemapTable): Uint8Array {
  const blocks = new Uint8Array(roundUp(table.count * ENTRY_SIZE, BLOCK_SIZE));
  blocks.set(table.bytes);
  return blocks;
}

/** The fields that follow from the size of the device: the size itself and, with an extension, the geometry. */
export function sizedFor(header: Header, size: Sectors, backupHeader: Bytes): Partial<Header> {
  const changes: Partial<Header> = { spare_device_size: BigInt(size) };
  if (!hasExtension(header)) return changes;
  const geometry = isRedundant(header)
    ? redundantGeometry(backupHeader, header.max_entries)
    : plainGeometry(size, header.max_entries);
  for (const field of Object.keys(geometry) as (keyof typeof geometry)[])
    changes[field] = BigInt(geometry[field]);
  return changes;
}
