import { check } from '../../check/checker.js';
import type { Problem } from '../../check/finding.js';
import type { MainFacts } from '../../check/survey.js';
import type { BlockDevice } from '../../device/block-device.js';
import { OverlayDevice } from '../../device/filters/overlay-device.js';
import type { RemapTable } from '../../format/entry.js';
import { generationDistance } from '../../format/generation.js';
import type { Answer, Question } from '../../repair/answers/answer.js';
import { isAskedAbout, questionsOf } from '../../repair/answers/questions.js';
import { planCorrections } from '../../repair/corrections.js';
import { type Edit, entriesMissingFrom, inOrder, joinTables } from '../../repair/edits.js';
import { type Beginning, begin, type Start } from '../../repair/starts.js';
import { isEvidence } from '../../store/choose.js';
import { type Content, contentOf } from '../../store/content.js';
import { carryOut, inParts, type Phase } from '../../store/phase.js';
import { ROUNDS } from '../correct-overlay.js';
import { type Diagnosis, diagnose, problemsOf } from '../diagnose.js';
import type { Surveyed } from '../survey.js';
import { readSamples } from './samples.js';

/** What was answered, in the order in which it was asked. */
export type Answers = ReadonlyMap<string, Answer>;

/** Undefined: there is no answer, and nothing is to be done. */
export type AnswerQuestion = (question: Question) => Promise<Answer | undefined>;

export interface DraftOptions {
  readonly main: { readonly facts: MainFacts; readonly device: BlockDevice } | undefined;
  /** Unix seconds. */
  readonly now: bigint;
}

/** What would be written, and what would be there then; tried on an overlay, with the rules of any check. */
export interface Draft {
  readonly answers: Answers;
  readonly phases: readonly Phase[];
  /** Problems that would be gone, beside those that the start settles. */
  readonly corrected: readonly Problem[];
  /** Problems that would be left. */
  readonly remaining: readonly Problem[];
  /** The content that would count. */
  readonly result: Content;
  /** Live entries that some copy shows and that would not be there any more. */
  readonly dropped: RemapTable;
}

/** A question without an answer, and the answers to those before it. */
export interface Open {
  readonly question: Question;
  readonly answers: Answers;
}

export function isOpen(draft: object): draft is Open {
  return 'question' in draft;
}

/**
 * What becomes of a device when a repair begins with this content: asks about everything that is not corrected
 * unattended. Reads only.
 */
export async function draftRepair(
  device: BlockDevice,
  found: Surveyed,
  start: Start,
  answer: AnswerQuestion,
  options: DraftOptions,
): Promise<Draft | Open> {
  const newest = newestClaim(found, start);
  const beginning = begin(start, newest, options.now);
  const virtual = new OverlayDevice(device);
  await carryOut(virtual, beginning.phases);
  const facts = { main: options.main?.facts };
  const begun = await diagnose(virtual, facts);
  refuseOther(begun, beginning);
  const settled = await askAll(virtual, begun, answer, options);
  if (isOpen(settled)) return settled;
  const { answers, edits, stopped } = settled;
  const edit = inOrder(edits);
  const parts: (readonly Phase[])[] = [beginning.phases];
  const corrected: Problem[] = [];
  let current = begun;
  const rounds = stopped ? 0 : ROUNDS;
  for (let round = 0; round < rounds && current.survey.choice.chosen !== undefined; round++) {
    const problems = current.problems.filter(
      (problem) => isPossible(problem.id, current.problems) && isToBeCorrected(problem, answers),
    );
    const first = round === 0;
    if (!first && problems.length === 0) break;
    const plan = planCorrections({
      survey: current.survey,
      problems,
      now: options.now,
      logicalBlockSize: device.logicalBlockSize,
      newest,
      ...(first ? { edit, renumber: isRenumbered(start, beginning, newest) } : {}),
    });
    await carryOut(virtual, plan.phases);
    parts.push(plan.phases);
    corrected.push(...problems);
    current = await diagnose(virtual, facts);
  }
  const result = contentIn(current) ?? beginning.content;
  const gone = joinTables([start.lost, edit(beginning.content).dropped]);
  return {
    answers,
    phases: inParts(parts),
    corrected: [...corrected, ...answeredAway(begun, current, corrected)],
    remaining: problemsOf(current),
    result,
    // of equal entries one is kept
    dropped: entriesMissingFrom(gone, result.table),
  };
}

interface Settled {
  readonly answers: Answers;
  readonly edits: readonly Edit[];
  /** An answer forbids to write anything for the problems. */
  readonly stopped: boolean;
}

/** Asks one question after the other: what one answer settles is not asked about again. */
async function askAll(
  virtual: BlockDevice,
  { survey, problems }: Diagnosis,
  answer: AnswerQuestion,
  { main }: DraftOptions,
): Promise<Settled | Open> {
  const answers = new Map<string, Answer>();
  const edits: Edit[] = [];
  const wrongMain = problems.some(({ id }) => id === 'main-identity-differs' || id === 'main-size-differs');
  const samples =
    main === undefined || wrongMain ? undefined : await readSamples(virtual, main.device, survey);
  for (let now = survey; ; now = edited(survey, edits)) {
    const asked = check(now).filter(({ id }) => isPossible(id, problems));
    const open = questionsOf(asked, { survey: now, main: main?.facts, samples });
    const question = open.find(({ key }) => !answers.has(key));
    if (question === undefined) return { answers, edits, stopped: false };
    const given = await answer(question);
    if (given === undefined) return { question, answers };
    answers.set(question.key, given);
    if (given.effect.kind === 'stop') return { answers, edits: [], stopped: true };
    if (given.effect.kind === 'edit') edits.push(given.effect.edit);
  }
}

/** Of a retired or incomplete spare nothing but its copies is touched (cli.md, check). */
function isPossible(id: Problem['id'], problems: readonly Problem[]): boolean {
  const passive = problems.some((one) => one.id === 'role-target' || one.id === 'role-retired');
  return !passive || id.startsWith('copy-');
}

/** The survey as it would be with these edits. */
function edited(survey: Surveyed, edits: readonly Edit[]): Surveyed {
  const { chosen } = survey.choice;
  if (chosen === undefined || survey.table === undefined) return survey;
  const { block, header, table } = inOrder(edits)(contentOf(chosen.block, survey.table)).content;
  return { ...survey, table, choice: { ...survey.choice, chosen: { ...chosen, block, header } } };
}

function isToBeCorrected({ id, row }: Problem, answers: Answers): boolean {
  if (row.fix === 'unattended') return true;
  return isAskedAbout(id) && answers.get(id)?.effect.kind === 'correct';
}

/** Problems that an edit has made go away. */
function answeredAway(before: Diagnosis, after: Diagnosis, corrected: readonly Problem[]): Problem[] {
  const left = new Set(after.problems.map(({ id }) => id));
  const done = new Set(corrected.map(({ id }) => id));
  return before.problems.filter(
    ({ id, row }) => row.severity === 'problem' && !left.has(id) && !done.has(id),
  );
}

/** The newest generation that anything of this set claims on the device, whole or damaged. */
function newestClaim({ copies, choice }: Surveyed, { content }: Start): number {
  const foreign = new Set(
    choice.others.filter(({ standing }) => standing === 'foreign').map(({ copy }) => copy),
  );
  return [copies.primary, ...copies.backups]
    .filter((copy) => isEvidence(copy) && !foreign.has(copy))
    .map(({ header }) => header.generation)
    .reduce((best, one) => (generationDistance(best, one) > 0 ? one : best), content.header.generation);
}

/** A copy that is exactly one newer is an update in flight (format.md section 4); anything else may be content. */
function isRenumbered({ renumbered, copies }: Start, { content }: Beginning, newest: number): boolean {
  const still = renumbered && copies.length === 0;
  return still || generationDistance(content.header.generation, newest) > 1;
}

/** Everything that is asked, shown and written then is about the content that was chosen, and no other. */
function refuseOther(begun: Diagnosis, { content }: Beginning): void {
  const counts = contentIn(begun);
  if (counts === undefined) return;
  const same =
    counts.header.generation === content.header.generation &&
    Buffer.compare(counts.table.bytes, content.table.bytes) === 0;
  if (!same) throw new Error('another content counts than the one that the repair begins with');
}

function contentIn({ survey: { choice, table } }: Diagnosis): Content | undefined {
  return choice.chosen === undefined || table === undefined
    ? undefined
    : contentOf(choice.chosen.block, table);
}
