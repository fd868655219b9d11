import type { ProblemId } from '../check/catalogue/index.js';
import type { Problem } from '../check/finding.js';
import type { Survey } from '../check/survey.js';
import { compactTable } from '../format/entry.js';
import { HEADER, type Header, isRedundant, STATE } from '../format/header.js';
import { commit, eraseHeader, leavingHeaders, rewrite } from '../store/commit.js';
import { type Content, contentOf, nextContent, sizedFor } from '../store/content.js';
import type { CopyName } from '../store/copy.js';
import { liftedAbove, moveBackup, movedContent, needsMove } from '../store/move.js';
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
  const made = copiesMadeWhole(contentOf(chosen.block, survey.table), request);
  const phases = [...erasures(problems, logicalBlockSize), ...made.phases];
  const corrected = correctContent(made.content, problems, survey.deviceSize, now);
  if (corrected === undefined) return { phases, needsUndo: false };
  const step = stepBetween(made.content, corrected);
  phases.push(...commit(step, logicalBlockSize));
  return { phases, needsUndo: !isRedundant(corrected.header) && !step.atomic };
}

interface Made {
  readonly phases: readonly Phase[];
  /** What all copies hold then. */
  readonly content: Content;
}

/** Every copy is rewritten that is not whole; the backup of a grown device is moved. */
function copiesMadeWhole(content: Content, request: CorrectionRequest): Made {
  const { survey, problems, now, logicalBlockSize, beyond } = request;
  const damaged = copiesToRewrite(problems);
  const rewrites = (['backup', 'primary'] as const)
    .filter((copy) => damaged.has(copy))
    .map((copy) => rewrite(content, copy, logicalBlockSize));
  const grown = problems.some(({ id }) => id.startsWith('device-grown'));
  if (!grown || !needsMove(content, survey.deviceSize)) return { phases: rewrites, content };
  const lifted = liftedAbove(content, beyond);
  const before = lifted ?? content;
  const moved = movedContent(before, survey.deviceSize, now);
  const primaryCurrent = lifted !== undefined || !damaged.has('primary');
  const phases = moveBackup(before, moved, primaryCurrent, logicalBlockSize);
  if (lifted === undefined) return { phases, content: moved };
  const lifting = [...rewrites, ...commit(stepBetween(content, lifted), logicalBlockSize)];
  return { phases: [...leavingHeaders(lifting), ...phases], content: moved };
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
