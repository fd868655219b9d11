import { checksumOf } from '../format/checksum.js';
import { ENTRY_SIZE, type RemapTable } from '../format/entry.js';
import { nextGeneration } from '../format/generation.js';
import { plainGeometry, redundantGeometry, TABLE_START, tableArea } from '../format/geometry.js';
import { decodeHeader, encodeHeader, type Header, hasExtension, isRedundant } from '../format/header.js';
import { BLOCK_SIZE, type Bytes, bytes, roundUp, SECTOR_SIZE, type Sectors } from '../units.js';
import type { CopyName } from './copy.js';

/** Metadata as a value: a header block, whose checksum and copy field mean nothing here, and the live entries. */
export interface Content {
  readonly block: Uint8Array;
  readonly header: Header;
  readonly table: RemapTable;
}

export function contentOf(block: Uint8Array, table: RemapTable): Content {
  return { block, header: decodeHeader(block), table };
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
  const block = encodeHeader(
    {
      generation: nextGeneration(content.header.generation),
      ...changes,
      entry_count: table.count,
      last_update_time: now,
    },
    content.block,
  );
  return contentOf(block, table);
}

/** The header block of one copy as it lies on the device: with its copy field and its checksum. */
export function sealedBlock(content: Content, copy: CopyName): Uint8Array {
  const block = hasExtension(content.header)
    ? encodeHeader({ copy: copy === 'primary' ? 0 : 1 }, content.block)
    : content.block;
  return encodeHeader({ checksum: checksumOf(block, content.table.bytes) }, block);
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
