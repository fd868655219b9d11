import { HEADER_SIZE, type Header, isRedundant } from '../format/header.js';
import { BLOCK_SIZE, type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import { type Content, placeOf, sealedBlock, tableBlocks } from './content.js';
import type { CopyName } from './copy.js';
import type { Phase, Write } from './phase.js';

/** All of one copy: its table and its header. */
export function wholeCopy(content: Content, copy: CopyName): Write[] {
  const { headerAt, tableAt } = placeOf(content.header, copy);
  const writes: Write[] = [];
  if (content.table.count > 0) writes.push({ at: tableAt, bytes: tableBlocks(content.table) });
  writes.push({ at: headerAt, bytes: sealedBlock(content, copy) });
  return writes;
}

/** Only the 4 KiB blocks of one copy that differ from what lies there. */
export function changedBlocks(before: Content, after: Content, copy: CopyName): Write[] {
  const { headerAt, tableAt } = placeOf(after.header, copy);
  const [old, fresh] = [tableBlocks(before.table), tableBlocks(after.table)];
  const writes: Write[] = [];
  for (let from = 0; from < fresh.length; from += BLOCK_SIZE) {
    const block = fresh.subarray(from, from + BLOCK_SIZE);
    if (Buffer.compare(block, old.subarray(from, from + BLOCK_SIZE)) !== 0)
      writes.push({ at: bytes(tableAt + from), bytes: block });
  }
  writes.push({ at: headerAt, bytes: sealedBlock(after, copy) });
  return writes;
}

export function rewrite(content: Content, copy: CopyName): Phase {
  return { purpose: `rewrite the ${copy} copy`, writes: wholeCopy(content, copy) };
}

/**
 * A commit (format.md section 4) on a set whose copies are whole and equal: backup, flush, primary, flush.
 * A plain image has one copy: a change confined to the first sector of its header is atomic there, any other
 * needs an undo file (isAtomicInPlain).
 *
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function commit(before: Content, after: Content, logicalBlockSize: number): Phase[] {
  if (isRedundant(after.header))
    return (['backup', 'primary'] as const).map((copy) => ({
      purpose: `commit generation ${after.header.generation} to the ${copy} copy`,
      writes: changedBlocks(before, after, copy),
    }));
  const atomic = isAtomicInPlain(before, after);
  const firstBlock = { at: bytes(0), bytes: sealedBlock(after, 'primary').subarray(0, logicalBlockSize) };
  return [
    {
      purpose: `commit generation ${after.header.generation}`,
      writes: atomic ? [firstBlock] : changedBlocks(before, after, 'primary'),
    },
  ];
}

/** Whether a plain image can take this change in one atomic write of its header's first sector. */
export function isAtomicInPlain(before: Content, after: Content): boolean {
  return (
    Buffer.compare(before.table.bytes, after.table.bytes) === 0 &&
    Buffer.compare(before.block.subarray(SECTOR_SIZE), after.block.subarray(SECTOR_SIZE)) === 0
  );
}

/** Makes a header unfindable: its first logical block becomes zero. */
export function eraseHeader(headerAt: Bytes, logicalBlockSize: number, what: string): Phase {
  return {
    purpose: `erase ${what} at byte ${headerAt}`,
    writes: [{ at: headerAt, bytes: new Uint8Array(logicalBlockSize) }],
  };
}

/** The bytes that the backup of a set with this header takes: its table area and its header block. */
export function backupArea(header: Header): { readonly from: Bytes; readonly to: Bytes } {
  const { headerAt, tableAt } = placeOf(header, 'backup');
  return { from: tableAt, to: bytes(headerAt + HEADER_SIZE) };
}
