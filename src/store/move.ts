import { backupHeaderPlace } from '../format/geometry.js';
import { isRedundant } from '../format/header.js';
import { type Bytes, bytesToSectors, SECTOR_SIZE } from '../units.js';
import { backupArea, changedBlocks, eraseHeader, rewrite, wholeCopy } from './commit.js';
import { type Content, nextContent, placeOf, sizedFor } from './content.js';
import type { Phase } from './phase.js';
import { stepBetween } from './step.js';

/** A redundant set whose backup does not lie at the end of its device: the device has grown (section 5). */
export function needsMove(content: Content, size: Bytes): boolean {
  return isRedundant(content.header) && placeOf(content.header, 'backup').headerAt < backupHeaderPlace(size);
}

/** The content after the move: the next generation, sized for the device, its backup at the end. */
export function movedContent(content: Content, size: Bytes, now: bigint): Content {
  const changes = sizedFor(content.header, bytesToSectors(size), backupHeaderPlace(size));
  return nextContent(content, changes, now);
}

/** Whether the new backup would be written over the old one. */
export function moveOverlaps(content: Content, moved: Content): boolean {
  return backupArea(moved.header).from < backupArea(content.header).to;
}

/**
 * New backup at the end, flush, primary, flush, first sector of the old backup header erased, flush. Where
 * the areas overlap the new backup is written over the old one, so the primary must be current before.
 *
 * @param primaryCurrent the primary on the device holds `content`; else all of it is written
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function moveBackup(
  content: Content,
  moved: Content,
  primaryCurrent: boolean,
  logicalBlockSize: number,
): Phase[] {
  const current = primaryCurrent || moveOverlaps(content, moved);
  const phases: Phase[] = [];
  if (!primaryCurrent && current) phases.push(rewrite(content, 'primary', logicalBlockSize));
  phases.push(
    { purpose: 'write the backup copy at the new end', writes: wholeCopy(moved, 'backup') },
    {
      purpose: `commit generation ${moved.header.generation} to the primary copy`,
      writes: current ? changedBlocks(stepBetween(content, moved), 'primary') : wholeCopy(moved, 'primary'),
    },
  );
  const old = placeOf(content.header, 'backup').headerAt;
  const covered = wholeCopy(moved, 'backup').some(
    ({ at, bytes: { length } }) => at < old + SECTOR_SIZE && old < at + length,
  );
  if (!covered) phases.push(eraseHeader(old, logicalBlockSize, 'the old backup header'));
  return phases;
}
