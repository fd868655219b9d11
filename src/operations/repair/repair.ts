import { randomUUID } from 'node:crypto';
import { check } from '../../check/checker.js';
import type { Problem } from '../../check/finding.js';
import type { FileDevice } from '../../device/file-device.js';
import { DmremapError } from '../../errors.js';
import type { Question } from '../../repair/answers/answer.js';
import type { Start } from '../../repair/starts.js';
import { type ListSource, loggedSectors } from '../bad-sectors.js';
import type { ChangeOptions, ChangeResult } from '../change.js';
import { mainAtHand } from '../check.js';
import { type CutShort, findCutShort, isTakenBack } from '../cut-short.js';
import { type Diagnosis, diagnose, problemsOf } from '../diagnose.js';
import { lastingName } from '../lasting-name.js';
import { type MainDevice, readMain } from '../main-device.js';
import { judgeRelation } from '../main-relation.js';
import { findOccupant, refuseForeign } from '../occupant.js';
import { withDevice } from '../open-device.js';
import { refuseUnknown } from '../spare.js';
import { type Surveyed, surveySpare } from '../survey.js';
import { dumpWitness, undoWitnesses } from '../witnesses.js';
import { carryOutPlan } from './carry-out.js';
import { type Answers, type Draft, draftRepair, isOpen, type Open } from './draft.js';
import type { SaveDropped } from './dropped.js';
import type { Operator } from './operator.js';
import { planOf, savePlan } from './plan.js';
import { type FoundStarts, findStarts } from './starts.js';

export interface RepairOptions extends ChangeOptions {
  readonly main: string | undefined;
  /** Of main. */
  readonly kernelLog?: ListSource | undefined;
  /** A json dump; `-` is standard input. */
  readonly fromDump: string | undefined;
  /** Write the plan to this file; that nothing is carried out is for approve to say. */
  readonly plan: { readonly path: string; readonly overwrite: boolean } | undefined;
  readonly operator: Operator;
  readonly saveDropped: SaveDropped;
}

/** What came of a repair. Without a draft nothing was wrong, or something was left undecided. */
export interface RepairResult {
  /** The spare's name in a line that may be typed later. */
  readonly lastingName: string;
  /** The same of --main. */
  readonly lastingMain: string | undefined;
  readonly found: Diagnosis;
  readonly starts: FoundStarts;
  readonly start?: Start;
  /** Answers to questions before the one that is left undecided. */
  readonly answers?: Answers;
  readonly draft?: Draft;
  /** What keeps the repair from being decided. */
  readonly undecided?: Undecided;
  readonly change?: ChangeResult;
  /** Ids of the problems that the draft corrects, each once. */
  readonly corrects?: readonly string[];
  /** The file with the entries that were dropped. */
  readonly droppedFile?: string | undefined;
  /** By a fresh read where something was written. */
  readonly remaining: readonly Problem[];
}

export type Undecided =
  /** There is no content that nobody has to vouch for. */
  | { readonly what: 'start' }
  | { readonly what: 'answer'; readonly question: Question }
  /** A change under an undo file was cut short: what it overwrote is to be put back first. */
  | { readonly what: 'cut-short'; readonly cutShort: CutShort };

/**
 * Repairs a spare as the operator decides (dmremap repair).
 *
 * @throws DmremapError `not-dmremap3`, `unsupported`, `wrong-device`, as change and diagnose, and whatever the
 * operator throws
 */
export async function repairSpare(path: string, options: RepairOptions): Promise<RepairResult> {
  const main = options.main === undefined ? undefined : await readMain(options.main);
  const logged = main === undefined ? [] : await loggedSectors(options.kernelLog, main);
  return withDevice(path, 'exclusive', async (device) => {
    if (main !== undefined) judgeRelation(device, main);
    const found = await diagnoseAny(device, main, logged);
    const named = lastingName(path, device, found.survey.choice.chosen?.header);
    const result = {
      lastingName: named,
      lastingMain: main === undefined ? undefined : lastingName(main.path, main, undefined),
      found,
      starts: { starts: [], limits: [] },
      remaining: [],
    };
    refuse(path, found.problems);
    const { choice, module } = found.survey;
    const isKnown = choice.chosen !== undefined || module !== undefined;
    if (isKnown && problemsOf(found).length === 0) return result;
    return { ...result, ...(await repairFound(device, found, main, options)) };
  });
}

/** As diagnose, but where nothing is left of a header, an operator who knows that it is a spare may go on. */
async function diagnoseAny(
  device: FileDevice,
  main: MainDevice | undefined,
  logged: readonly number[],
): Promise<Diagnosis> {
  const told = { main, mainAtHand: main === undefined ? undefined : mainAtHand(main, logged) };
  try {
    return await diagnose(device, told);
  } catch (error) {
    if (!(error instanceof DmremapError) || error.code !== 'not-dmremap3') throw error;
    refuseForeign(device.path, await findOccupant(device), false);
    // the operator says that it is a spare: the module may have written it without a magic
    const survey = await surveySpare(device, { ...told, module: true });
    if (survey.module !== undefined) return { survey, problems: check(survey) };
    return { survey: await surveySpare(device, { main }), problems: [] };
  }
}

function refuse(path: string, problems: readonly Problem[]): void {
  refuseUnknown(path, problems);
  const readOnly = problems.find(({ id }) => id === 'ro-compat-unknown');
  if (readOnly === undefined) return;
  throw new DmremapError('unsupported', `${path}: ${readOnly.row.title.toLowerCase()}`, {
    hint: readOnly.row.corrects,
    data: { problem: readOnly.id },
  });
}

type Outcome = Omit<RepairResult, 'lastingName' | 'lastingMain' | 'found'>;

async function repairFound(
  device: FileDevice,
  found: Diagnosis,
  main: MainDevice | undefined,
  options: RepairOptions,
): Promise<Outcome> {
  const { survey } = found;
  const untouched = { starts: { starts: [], limits: [] }, remaining: problemsOf(found) };
  const cutShort = await findCutShort(device, survey, options.undo);
  if (cutShort !== undefined && isTakenBack(found))
    return { ...untouched, undecided: { what: 'cut-short', cutShort } };
  const starts = await startsOn(device, survey, main, options);
  if (starts.starts.length === 0 && !survey.choice.evidence && survey.module === undefined)
    throw nothingFound(device.path, main);
  const start = await options.operator.start(starts, found);
  if (start === undefined) return { ...untouched, starts, undecided: { what: 'start' } };
  const draft = await draftWith(device, survey, start, main, options);
  if (isOpen(draft))
    return {
      ...untouched,
      starts,
      start,
      answers: draft.answers,
      undecided: { what: 'answer', question: draft.question },
    };
  options.operator.consider(draft, found);
  const done = await finish(device, { found, start, draft, main, cutShort }, options);
  return { starts, start, draft, ...done };
}

async function startsOn(
  device: FileDevice,
  survey: Surveyed,
  main: MainDevice | undefined,
  { fromDump, undo, now }: RepairOptions,
): Promise<FoundStarts> {
  const dump = fromDump === undefined ? undefined : await dumpWitness(device, fromDump);
  const known = await undoWitnesses(device, survey.copies, undo);
  const told =
    main === undefined
      ? undefined
      : { mainSize: main.size, mainId: main.id, setUuid: randomUUID(), spareUuid: randomUUID(), now };
  return findStarts(device, survey, {
    witnesses: dump === undefined ? known : [dump, ...known],
    dump,
    told,
  });
}

function nothingFound(path: string, main: MainDevice | undefined): DmremapError {
  return new DmremapError('not-dmremap3', `${path} is not a DMREMAP3 spare: no header at either end`, {
    hint:
      main === undefined
        ? 'if its headers are lost: --from-dump FILE, or --main MAIN to look for a table without a header'
        : 'nothing that looks like a table was found either',
  });
}

/** The data of sectors in question is compared with main's, which is open meanwhile. */
async function draftWith(
  device: FileDevice,
  survey: Surveyed,
  start: Start,
  main: MainDevice | undefined,
  { operator, now }: RepairOptions,
): Promise<Draft | Open> {
  if (main === undefined) return draftRepair(device, survey, start, operator.answer, { main, now });
  return withDevice(main.path, 'read', (opened) =>
    draftRepair(device, survey, start, operator.answer, { main: { facts: main, device: opened }, now }),
  );
}

/** All that was found and decided. */
interface Decided {
  readonly found: Diagnosis;
  readonly start: Start;
  readonly draft: Draft;
  readonly main: MainDevice | undefined;
  readonly cutShort: CutShort | undefined;
}

/** What is to be shown before the operator says yes, to a plan file's reader too. */
function warningsOf(
  device: FileDevice,
  start: Start,
  draft: Draft,
  main: MainDevice | undefined,
): readonly string[] {
  const sameDisk = main === undefined ? undefined : judgeRelation(device, main);
  return [
    ...(start.certainty === 'guess' ? [`this is a guess: ${start.title}`] : []),
    ...draft.remaining.map(({ id, row }) => `${id} will remain: ${row.title.toLowerCase()}`),
    ...(sameDisk === undefined ? [] : [sameDisk]),
  ];
}

async function finish(
  device: FileDevice,
  { found, start, draft, main, cutShort }: Decided,
  options: RepairOptions,
): Promise<Pick<Outcome, 'change' | 'corrects' | 'droppedFile' | 'remaining'>> {
  if (draft.phases.length === 0) return { remaining: draft.remaining };
  const plan = await planOf(device, found, start, draft, warningsOf(device, start, draft, main));
  const { corrects } = plan;
  const avoid = main === undefined ? [] : [main];
  const { change, droppedFile } = await carryOutPlan(device, plan, { ...options, avoid, cutShort });
  if (options.plan !== undefined) await savePlan(plan, options.plan, [device, ...avoid]);
  if (!change.applied) return { change, corrects, remaining: problemsOf(found) };
  return { change, corrects, droppedFile, remaining: problemsOf(await diagnose(device, { main })) };
}
