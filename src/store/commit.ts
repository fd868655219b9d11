import { generationAfterFailure } from '../format/generation.js';
import { HEADER_SIZE, type Header, isRedundant } from '../format/header.js';
import { type Bytes, bytes } from '../units.js';
import { type Content, type Head, placeOf, sealedBlock, tableBlocks, underGeneration } from './content.js';
import type { CopyName } from './copy.js';
import type { IfFails, Phase, Write } from './phase.js';
import type { Step } from './step.js';

/** All of one copy: its table and its header. @param blocks of the table, where they are at hand */
export function wholeCopy(
  content: Content,
  copy: CopyName,
  blocks: Uint8Array = tableBlocks(content.table),
): Write[] {
  const { headerAt, tableAt } = placeOf(content.header, copy);
  const writes: Write[] = [];
  if (blocks.length > 0) writes.push({ at: tableAt, bytes: blocks });
  writes.push({ at: headerAt, bytes: sealedBlock(content, copy) });
  return writes;
}

/** Only what of one copy a step changes: table blocks and the header. */
export function changedBlocks(step: Step, copy: CopyName): Write[] {
  const { headerAt } = placeOf(step.after.header, copy);
  return [...tableWrites(step, copy), { at: headerAt, bytes: sealedBlock(step.after, copy) }];
}

function tableWrites({ after, blocks }: Step, copy: CopyName): Write[] {
  const { tableAt } = placeOf(after.header, copy);
  return blocks.map((block) => ({ at: bytes(tableAt + block.offset), bytes: block.bytes }));
}

/**
 * All of one copy from the other, which is whole; the generation stays.
 *
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function rewrite(content: Content, copy: CopyName, logicalBlockSize: number): Phase {
  const { generation } = content.header;
  const tidy = [eraseCopy(content, copy, logicalBlockSize)];
  return {
    purpose: `rewrite the ${copy} copy`,
    writes: wholeCopy(content, copy),
    ifFails: { copy, secure: [], tidy, stands: 'before', generation },
  };
}

/**
 * The same, but a copy that cannot be written is not erased: where a device has grown, the backup in use is
 * found by what is left of the primary alone.
 */
export function leavingHeaders(phases: readonly Phase[]): Phase[] {
  return phases.map(({ ifFails, ...phase }) =>
    ifFails === undefined ? phase : { ...phase, ifFails: { ...ifFails, tidy: [] } },
  );
}

/**
 * A commit (format.md section 4) on a set whose copies are whole and equal: backup, flush, primary, flush. A
 * plain image has one copy: what is not atomic there needs an undo file (Step.atomic).
 *
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function commit(step: Step, logicalBlockSize: number): Phase[] {
  if (isRedundant(step.after.header))
    return [
      { ...commitTo(step, 'backup'), ifFails: withoutBackup(step, logicalBlockSize) },
      { ...commitTo(step, 'primary'), ifFails: withoutPrimary(step, logicalBlockSize) },
    ];
  return step.atomic ? commitInOne(step, 'primary', logicalBlockSize) : [commitTo(step, 'primary')];
}

function commitTo(step: Step, copy: CopyName): Phase {
  return { purpose: purposeOf(step.after, copy), writes: changedBlocks(step, copy) };
}

function purposeOf({ header }: Head, copy: CopyName): string {
  return `commit generation ${header.generation} to the ${copy} copy`;
}

/** An atomic step in one copy alone: entries into free slots, flush, the header's first sector, flush. */
export function commitInOne(step: Step, copy: CopyName, logicalBlockSize: number): Phase[] {
  const entries = tableWrites(step, copy);
  const phases = [headerSector(step.after, copy, logicalBlockSize)];
  if (entries.length > 0) phases.unshift({ purpose: `write new entries into free slots`, writes: entries });
  return phases;
}

/** The header of one copy where nothing of it changes but its first sector. */
export function headerSector(head: Head, copy: CopyName, logicalBlockSize: number): Phase {
  const { headerAt } = placeOf(head.header, copy);
  const sector = sealedBlock(head, copy).subarray(0, logicalBlockSize);
  return { purpose: purposeOf(head, copy), writes: [{ at: headerAt, bytes: sector }] };
}

/**
 * The backup could not be written and may hold the new generation: no other content ever gets it. The
 * primary takes the change where that is atomic, else it keeps its own content, under a generation beyond.
 */
function withoutBackup(step: Step, logicalBlockSize: number): IfFails {
  const generation = generationAfterFailure(step.after.header.generation);
  const beyond = { ...step, after: underGeneration(step.after, generation) };
  const secure = step.atomic
    ? commitInOne(beyond, 'primary', logicalBlockSize)
    : [headerSector(underGeneration(step.before, generation), 'primary', logicalBlockSize)];
  const tidy = [eraseCopy(step.before, 'backup', logicalBlockSize)];
  return { copy: 'backup', secure, tidy, stands: step.atomic ? 'after' : 'before', generation };
}

/** The backup holds the change: it stands there. */
function withoutPrimary({ after }: Step, logicalBlockSize: number): IfFails {
  const tidy = [eraseCopy(after, 'primary', logicalBlockSize)];
  return { copy: 'primary', secure: [], tidy, stands: 'after', generation: after.header.generation };
}

function eraseCopy({ header }: Head, copy: CopyName, logicalBlockSize: number): Phase {
  return eraseHeader(placeOf(header, copy).headerAt, logicalBlockSize, `the ${copy} header`);
}

/**
 * Makes a header unfindable: its first logical block becomes zero.
 *
 * @param stands what does where that fails: the copies in use are not touched
 */
export function eraseHeader(
  headerAt: Bytes,
  logicalBlockSize: number,
  what: string,
  stands: 'before' | 'after' = 'before',
): Phase {
  return {
    purpose: `erase ${what} at byte ${headerAt}`,
    writes: [{ at: headerAt, bytes: new Uint8Array(logicalBlockSize) }],
    ifFails: { copy: undefined, secure: [], tidy: [], stands },
  };
}

/** The bytes that the backup of a set with this header takes: its table area and its header block. */
export function backupArea(header: Header): { readonly from: Bytes; readonly to: Bytes } {
  const { headerAt, tableAt } = placeOf(header, 'backup');
  return { from: tableAt, to: bytes(headerAt + HEADER_SIZE) };
}
