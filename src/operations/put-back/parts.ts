import { TABLE_START, tableArea } from '../../format/geometry.js';
import { type Header, isRedundant } from '../../format/header.js';
import { backupArea } from '../../store/commit.js';
import type { CopyName } from '../../store/copy.js';
import type { Write } from '../../store/phase.js';
import { type Bytes, bytes } from '../../units.js';

/** Bytes of a device, `to` not among them. */
export interface Area {
  readonly from: Bytes;
  readonly to: Bytes;
}

/** Where the copies of a set with this header lie. */
export function areasOf(header: Header): Partial<Record<CopyName, Area>> {
  const primary = { from: bytes(0), to: bytes(TABLE_START + tableArea(header.max_entries)) };
  return isRedundant(header) ? { primary, backup: backupArea(header) } : { primary };
}

export function isWithin(at: number, area: Area | undefined): boolean {
  return area !== undefined && at >= area.from && at < area.to;
}

/**
 * The parts of these writes whose logical blocks are wanted; what adjoins stays one write.
 *
 * @param wanted told the first byte of each block
 */
export function partsOf(
  writes: readonly Write[],
  logicalBlockSize: number,
  wanted: (at: number) => boolean,
): Write[] {
  const parts: Write[] = [];
  for (const { at, bytes: content } of writes) {
    let from: number | undefined;
    for (let offset = 0; offset < content.length + logicalBlockSize; offset += logicalBlockSize) {
      const isWanted = offset < content.length && wanted(at + offset);
      if (isWanted) from ??= offset;
      else if (from !== undefined) {
        parts.push({ at: bytes(at + from), bytes: content.subarray(from, offset) });
        from = undefined;
      }
    }
  }
  return parts;
}
