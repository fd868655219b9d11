import type { ProblemId } from '../check/catalogue/index.js';
import type { Problem } from '../check/finding.js';
import type { Survey } from '../check/survey.js';
import { compactTable } from '../format/entry.js';
import { isNewer, nextGeneration } from '../format/generation.js';
import { type Header, isRedundant, STATE } from '../format/header.js';
import { changedBlocks, commit, eraseHeader, wholeCopy } from '../store/commit.js';
import { type Content, contentOf, nextContent, placeOf, sizedFor } from '../store/content.js';
import type { CopyName } from '../store/copy.js';
import { makeWhole } from '../store/move.js';
import { inParts, type Phase } from '../store/phase.js';
import { type Step, stepBetween } from '../store/step.js';
import { bytes, bytesToSectors, SECTOR_SIZE, type Sectors } from '../units.js';
import { type Edit, withoutReserved } from './edits.js';

/** Those that wait for the operator are corrected by the same writes, once he has said so. */
const REWRITTEN: readonly ProblemId[] = [
  'copy-damaged',
  'copy-stale',
  'copy-table-unreadable',
  'copy-claims-newer',
  'copy-claims-other-set',
  'copy-foreign-signature',
  'copy-unreadable',
];

const ERASED: Partial<Record<ProblemId, string>> = {
  'copy-superseded': 'the old backup header',
  'backup-left-over': 'the left-over backup header',
  'backup-left-over-conversion': 'the left-over backup header',
  'copy-foreign': 'the header of another set',
};

export interface CorrectionRequest {
  readonly survey: Survey;
  /** What is to be corrected: all of it, and nothing else. */
  readonly problems: readonly Problem[];
  /** What else is to become of the content, by the operator's answers. */
  readonly edit?: Edit;
  /** The newest generation that anything on the device claims: a commit gets a newer one. */
  readonly newest?: number;
  /** The content itself is new for its generation: it is committed under a newer one even if nothing changes. */
  readonly renumber?: boolean;
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
  const { survey, problems, logicalBlockSize } = request;
  const { chosen } = survey.choice;
  if (chosen === undefined || survey.table === undefined)
    throw new Error('nothing can be corrected without a copy');
  const grown = problems.some(({ id }) => id.startsWith('device-grown'));
  const made = makeWhole(contentOf(chosen.block, survey.table), {
    damaged: copiesToRewrite(problems),
    move: grown ? { size: survey.deviceSize, now: request.now } : undefined,
    beyond: request.beyond,
    logicalBlockSize,
  });
  const before = [erasures(problems, logicalBlockSize), made.phases];
  const corrected = correctContent(made.content, request);
  if (corrected === undefined) return { phases: inParts(before), needsUndo: false };
  const step = stepBetween(made.content, corrected);
  const inPlace = keepsItsPlaces(made.content, corrected);
  const change = inPlace ? commit(step, logicalBlockSize) : commitElsewhere(step, corrected);
  return {
    phases: inParts([...before, change]),
    needsUndo: !isRedundant(corrected.header) && !step.atomic,
  };
}

/** Whether a backup lies, after a change of content, where one lay before. */
function keepsItsPlaces(before: Content, after: Content): boolean {
  if (!isRedundant(after.header)) return true;
  const [old, fresh] = [placeOf(before.header, 'backup'), placeOf(after.header, 'backup')];
  return isRedundant(before.header) && old.headerAt === fresh.headerAt && old.tableAt === fresh.tableAt;
}

/** The backup in full at its new place, then the primary. */
function commitElsewhere(step: Step, after: Content): Phase[] {
  const { generation } = after.header;
  const purpose = (copy: CopyName) => `commit generation ${generation} to the ${copy} copy`;
  return [
    { purpose: purpose('backup'), writes: wholeCopy(after, 'backup') },
    { purpose: purpose('primary'), writes: changedBlocks(step, 'primary') },
  ];
}

function copiesToRewrite(problems: readonly Problem[]): Set<CopyName> {
  const copies = new Set<CopyName>();
  for (const { id, copy } of problems) if (REWRITTEN.includes(id) && copy !== undefined) copies.add(copy);
  return copies;
}

function erasures(problems: readonly Problem[], logicalBlockSize: number): Phase[] {
  const phases: Phase[] = [];
  for (const { id, byte } of problems) {
    const what = ERASED[id];
    if (what !== undefined && byte !== undefined)
      phases.push(eraseHeader(bytes(byte), logicalBlockSize, what));
  }
  return phases;
}

/** The content of the one commit that carries every other change; undefined where there is none. */
function correctContent(before: Content, request: CorrectionRequest): Content | undefined {
  const { problems, survey, edit, newest, renumber = false, now } = request;
  const size = bytesToSectors(survey.deviceSize);
  const ids = new Set(problems.map(({ id }) => id));
  const changes: Partial<Header> = {};
  const content = edit === undefined ? before : edit(before).content;
  let { table, block } = content;
  if (ids.has('state-dirty')) changes.state = STATE.clean;
  const grown = ids.has('device-grown') || ids.has('device-grown-occupied');
  if (grown && !isOfSize(content, size)) {
    const backup = bytes(Number(content.header.backup_header) * SECTOR_SIZE);
    Object.assign(changes, sizedFor(content.header, size, backup));
  }
  if (ids.has('slot-empty') || ids.has('slot-empty-plain')) table = compactTable(table);
  if (ids.has('reserved-not-zero')) block = withoutReserved(block);
  const same = Object.keys(changes).length === 0 && table === before.table && block === before.block;
  if (same && !renumber) return undefined;
  const last = newest === undefined ? before.header.generation : newerOf(before.header.generation, newest);
  return nextContent(contentOf(block, table), { ...changes, generation: nextGeneration(last) }, now, table);
}

function isOfSize({ header }: Content, size: Sectors): boolean {
  return header.spare_device_size === BigInt(size);
}

function newerOf(a: number, b: number): number {
  return isNewer(b, a) ? b : a;
}
