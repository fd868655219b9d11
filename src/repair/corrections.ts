import type { ProblemId } from '../check/catalogue/index.js';
import type { Problem } from '../check/finding.js';
import type { Survey } from '../check/survey.js';
import { compactTable } from '../format/entry.js';
import { HEADER, type Header, isRedundant, STATE } from '../format/header.js';
import { commit, eraseHeader, rewrite } from '../store/commit.js';
import { type Content, contentOf, nextContent, sizedFor } from '../store/content.js';
import type { CopyName } from '../store/copy.js';
import { moveBackup, movedContent, needsMove } from '../store/move.js';
import type { Phase } from '../store/phase.js';
import { stepBetween } from '../store/step.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../units.js';

const DAMAGED_COPY: readonly ProblemId[] = ['copy-damaged', 'copy-stale', 'copy-table-unreadable'];

export interface CorrectionRequest {
  readonly survey: Survey;
  /** What is to be corrected: all of it, and nothing else. */
  readonly problems: readonly Problem[];
  /** Unix seconds. */
  readonly now: bigint;
  /** The unit that a power cut leaves whole on this device, in bytes. */
  readonly logicalBlockSize: number;
  /** The newest generation of a header beyond the known size of a grown device (newestBeyond). */
  readonly beyond?: number | undefined;
}

export interface CorrectionPlan {
  readonly phases: readonly Phase[];
  /** The change overwrites the only copy in a way that a power cut could tear: it needs an undo file. */
  readonly needsUndo: boolean;
}

/**
 * The writes that correct these problems (format.md section 5), in the order that keeps one copy whole at
 * every instant: old headers that must not be found again, the copies, the move of the backup, then one
 * commit for every change of content.
 */
export function planCorrections(request: CorrectionRequest): CorrectionPlan {
  const { survey, problems, now, logicalBlockSize } = request;
  const { chosen } = survey.choice;
  if (chosen === undefined || survey.table === undefined)
    throw new Error('nothing can be corrected without a copy');
  let content = contentOf(chosen.block, survey.table);
  const damaged = copiesToRewrite(problems);
  const phases = erasures(problems, logicalBlockSize);
  if (needsMove(content, survey.deviceSize) && problems.some(({ id }) => id.startsWith('device-grown'))) {
    const moved = movedContent(content, survey.deviceSize, now, request.beyond);
    phases.push(...moveBackup(content, moved, !damaged.has('primary'), logicalBlockSize));
    content = moved;
  } else {
    for (const copy of ['backup', 'primary'] as const)
      if (damaged.has(copy)) phases.push(rewrite(content, copy, logicalBlockSize));
  }
  const corrected = correctContent(content, problems, survey.deviceSize, now);
  if (corrected === undefined) return { phases, needsUndo: false };
  const step = stepBetween(content, corrected);
  phases.push(...commit(step, logicalBlockSize));
  return { phases, needsUndo: !isRedundant(corrected.header) && !step.atomic };
}

function copiesToRewrite(problems: readonly Problem[]): Set<CopyName> {
  const copies = new Set<CopyName>();
  for (const { id, copy } of problems) if (DAMAGED_COPY.includes(id) && copy !== undefined) copies.add(copy);
  return copies;
}

function erasures(problems: readonly Problem[], logicalBlockSize: number): Phase[] {
  const phases: Phase[] = [];
  for (const { id, byte } of problems) {
    if (byte === undefined) continue;
    if (id === 'copy-superseded')
      phases.push(eraseHeader(bytes(byte), logicalBlockSize, 'the old backup header'));
    if (id === 'backup-left-over' || id === 'backup-left-over-conversion')
      phases.push(eraseHeader(bytes(byte), logicalBlockSize, 'the left-over backup header'));
  }
  return phases;
}

/** The content of the one commit that carries every other change; undefined where there is none. */
function correctContent(
  content: Content,
  problems: readonly Problem[],
  size: Bytes,
  now: bigint,
): Content | undefined {
  const ids = new Set(problems.map(({ id }) => id));
  const changes: Partial<Header> = {};
  let { table, block } = content;
  if (ids.has('state-dirty')) changes.state = STATE.clean;
  if (content.header.spare_device_size !== BigInt(bytesToSectors(size))) {
    const backup = bytes(Number(content.header.backup_header) * SECTOR_SIZE);
    Object.assign(changes, sizedFor(content.header, bytesToSectors(size), backup));
  }
  if (ids.has('slot-empty') || ids.has('slot-empty-plain')) table = compactTable(table);
  if (ids.has('reserved-not-zero')) block = withoutReserved(block);
  if (Object.keys(changes).length === 0 && table === content.table && block === content.block)
    return undefined;
  return nextContent(contentOf(block, table), changes, now, table);
}

function withoutReserved(block: Uint8Array): Uint8Array {
  const cleared = new Uint8Array(block);
  for (const { kind, offset, size } of HEADER.fields)
    if (kind === 'zero') cleared.fill(0, offset, offset + size);
  return cleared;
}
