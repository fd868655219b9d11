import { generationAfterFailure, isNewer } from '../format/generation.js';
import { backupHeaderPlace, redundantGeometry } from '../format/geometry.js';
import { isRedundant } from '../format/header.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../units.js';
import {
  backupArea,
  changedBlocks,
  commit,
  eraseHeader,
  headerSector,
  leavingHeaders,
  rewrite,
  wholeCopy,
} from './commit.js';
import { type Content, contentOf, nextContent, placeOf, sizedFor, underGeneration } from './content.js';
import type { CopyName } from './copy.js';
import { type IfFails, inParts, type Phase } from './phase.js';
import { stepBetween } from './step.js';

/**
 * A redundant set whose backup does not lie at the end of its device: the device has grown (section 5). A set
 * whose two copies have no room on it has wrong geometry, which no move puts right.
 */
export function needsMove({ header }: Content, size: Bytes): boolean {
  const end = backupHeaderPlace(size);
  if (!isRedundant(header) || redundantGeometry(end, header.max_entries).data_sectors < 0) return false;
  return placeOf(header, 'backup').headerAt < end;
}

/** The content after the move: the next generation, sized for the device, its backup at the end. */
export function movedContent(content: Content, size: Bytes, now: bigint): Content {
  const changes = sizedFor(content.header, bytesToSectors(size), backupHeaderPlace(size));
  return nextContent(content, changes, now);
}

/** What comes before a change of content, and what all copies hold then. */
export interface Made {
  readonly phases: readonly Phase[];
  readonly content: Content;
}

export interface MakeWholeRequest {
  /** The copies that do not hold the content. */
  readonly damaged: ReadonlySet<CopyName>;
  /** To this size, where the device has grown and the backup is to move; its time is that of a commit. */
  readonly move?: { readonly size: Bytes; readonly now: bigint } | undefined;
  /** The newest generation of a header beyond the known size of a grown device (newestBeyond). */
  readonly beyond?: number | undefined;
  /** The unit that a power cut leaves whole, in bytes. */
  readonly logicalBlockSize: number;
}

/** Every copy is rewritten that is not whole; the backup of a grown device is moved. */
export function makeWhole(content: Content, request: MakeWholeRequest): Made {
  const { damaged, move, beyond, logicalBlockSize } = request;
  const rewrites = (['backup', 'primary'] as const)
    .filter((copy) => damaged.has(copy))
    .map((copy) => rewrite(content, copy, logicalBlockSize));
  if (move === undefined || !needsMove(content, move.size)) return { phases: rewrites, content };
  const lifted = liftedAbove(content, beyond);
  const before = lifted ?? content;
  const moved = movedContent(before, move.size, move.now);
  const primaryCurrent = lifted !== undefined || !damaged.has('primary');
  const phases = moveBackup(before, moved, primaryCurrent, logicalBlockSize);
  if (lifted === undefined) return { phases, content: moved };
  const lifting = [...rewrites, ...commit(stepBetween(content, lifted), logicalBlockSize)];
  return { phases: inParts([leavingHeaders(lifting), phases]), content: moved };
}

/**
 * The same content under a generation beyond one that lies where an earlier move has left it, on a device of
 * another size: that move has failed, and what it wrote there is no longer an update in flight (section 4).
 *
 * @param left the newest generation that was left (newestBeyond)
 * @returns undefined where the content is newer already
 */
function liftedAbove(content: Content, left: number | undefined): Content | undefined {
  if (left === undefined || isNewer(content.header.generation, left)) return undefined;
  return contentOf(underGeneration(content, generationAfterFailure(left)).block, content.table);
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
  const { generation } = moved.header;
  const erasures = eraseOld(content, moved, logicalBlockSize);
  const phases: Phase[] = [
    {
      purpose: 'write the backup copy at the new end',
      writes: wholeCopy(moved, 'backup'),
      ifFails: withoutNewBackup(content, moved, current ? 'primary' : 'backup', logicalBlockSize),
    },
    {
      purpose: `commit generation ${generation} to the primary copy`,
      writes: current ? changedBlocks(stepBetween(content, moved), 'primary') : wholeCopy(moved, 'primary'),
      ifFails: inNewBackup(content, moved, logicalBlockSize),
    },
    ...erasures,
  ];
  if (primaryCurrent || !current) return phases;
  return [...leavingHeaders([rewrite(content, 'primary', logicalBlockSize)]), ...phases];
}

/** The primary could not be written, and the new backup stands. */
export function inNewBackup(content: Content, moved: Content, logicalBlockSize: number): IfFails {
  // the old backup is only found through the primary, so it goes first
  const tidy = [
    ...eraseOld(content, moved, logicalBlockSize),
    eraseHeader(bytes(0), logicalBlockSize, 'the primary header'),
  ];
  return { copy: 'primary', secure: [], tidy, stands: 'after', generation: moved.header.generation };
}

/** The old backup header, where the new backup does not cover it. */
function eraseOld(content: Content, moved: Content, logicalBlockSize: number): Phase[] {
  const old = placeOf(content.header, 'backup').headerAt;
  const covered = wholeCopy(moved, 'backup').some(
    ({ at, bytes: { length } }) => at < old + SECTOR_SIZE && old < at + length,
  );
  return covered ? [] : [eraseHeader(old, logicalBlockSize, 'the old backup header', 'after')];
}

/**
 * The generation of the move may lie at the new end: what is current goes beyond it, in the copy that has it.
 * The new header is erased before: beside that newer generation, the next move would not know it as its own.
 */
function withoutNewBackup(
  content: Content,
  moved: Content,
  holder: CopyName,
  logicalBlockSize: number,
): IfFails {
  const generation = generationAfterFailure(moved.header.generation);
  const { headerAt } = placeOf(moved.header, 'backup');
  return {
    copy: undefined,
    unwrite: [eraseHeader(headerAt, logicalBlockSize, 'the new backup header')],
    secure: [headerSector(underGeneration(content, generation), holder, logicalBlockSize)],
    tidy: [],
    stands: 'before',
    generation,
  };
}
