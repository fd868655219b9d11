import type { Problem } from '../../check/finding.js';
import type { RemapTable } from '../../format/entry.js';
import type { AppliedPlan } from '../../operations/repair/apply.js';
import type { Answers } from '../../operations/repair/draft.js';
import type { RepairResult, Undecided } from '../../operations/repair/repair.js';
import type { FoundStarts } from '../../operations/repair/starts.js';
import type { Question } from '../../repair/answers/answer.js';
import type { Start } from '../../repair/starts.js';
import { changeJson } from '../change-command.js';
import { EXIT_CORRECTED, EXIT_OK, EXIT_PROBLEMS } from '../exit-codes.js';
import type { Terminal } from '../terminal.js';
import { continued, headed, problemsJson, problemsText } from './check.js';
import type { JsonObject } from './json.js';
import { certaintyOf, fieldChanges, questionText, startsText } from './repair.js';
import { plural, shellCommand } from './text.js';

/** What came of `repair`. */

/** The flags that have an effect on what is written, as they were given. */
export interface RepairLine {
  readonly fromDump: string | undefined;
  readonly kernelLog?: string | undefined;
  readonly logDevice?: string | undefined;
  readonly undoFile: string | undefined;
  readonly noUndo: boolean;
}

/** The line that does the same without a question; undefined where there is nothing to do. */
export function equivalentLine(result: RepairResult, line: RepairLine): string | undefined {
  const { draft } = result;
  if (draft === undefined || draft.phases.length === 0) return undefined;
  return decidedLine(result, line, draft.answers);
}

/** The lines that would go on where a question was left open, one for each answer that changes something. */
function answerLines(result: RepairResult, line: RepairLine, { key, answers }: Question): string[] {
  return answers
    .filter(({ effect: { kind } }) => kind !== 'leave' && kind !== 'stop')
    .map((answer) => decidedLine(result, line, new Map([...(result.answers ?? []), [key, answer]])));
}

function decidedLine(
  { lastingName, lastingMain: main, start, starts }: RepairResult,
  line: RepairLine,
  answers: Answers,
): string {
  return shellCommand([
    ...['dmremap', 'repair', lastingName],
    ...(main === undefined ? [] : ['--main', main]),
    ...(line.kernelLog === undefined ? [] : ['--kernel-log', line.kernelLog]),
    ...(line.logDevice === undefined ? [] : ['--log-device', line.logDevice]),
    ...(line.fromDump === undefined ? [] : ['--from-dump', line.fromDump]),
    ...(start === undefined ? [] : candidateWords(start, starts.starts)),
    ...[...answers].flatMap(([key, { id }]) => ['--answer', `${key}=${id}`]),
    ...(line.undoFile === undefined ? [] : ['--undo-file', line.undoFile]),
    ...(line.noUndo ? ['--no-undo'] : []),
    '--yes',
  ]);
}

/** The copy that counts goes without saying where there is no other. */
function candidateWords({ id, certainty }: Start, starts: readonly Start[]): string[] {
  if (certainty === 'certain' && starts.length === 1) return [];
  return ['--candidate', id, ...(certainty === 'guess' ? ['--accept-guess'] : [])];
}

export function repairExitCode({ undecided, change, draft, remaining }: RepairResult): number {
  // where nothing is left of a header no problem has a name, yet something is wrong
  if (undecided !== undefined) return EXIT_PROBLEMS;
  const left = remaining.length > 0 ? EXIT_PROBLEMS : EXIT_OK;
  if (change?.applied === true) return EXIT_CORRECTED | left;
  const onlyShown = draft !== undefined && draft.phases.length > 0;
  return onlyShown ? EXIT_OK : left;
}

/** What is printed of a repair, beside what it was shown to do. */
export interface RepairReport {
  readonly result: RepairResult;
  readonly line: RepairLine;
  /** Where the plan was written instead of carrying it out. */
  readonly planFile: string | undefined;
}

export function repairText(report: RepairReport, terminal: Terminal): string {
  const { result } = report;
  if (result.undecided !== undefined) return undecidedText(report, result.undecided, terminal);
  if (result.draft === undefined) return `${result.lastingName}: clean, there is nothing to repair\n`;
  const { lastingName: name, draft, change } = result;
  const nothingToDo = draft.phases.length === 0;
  const lines: string[] = [];
  if (report.planFile !== undefined && !nothingToDo)
    lines.push(
      `the plan is in ${report.planFile}; to carry it out:`,
      continued(`    ${shellCommand(['dmremap', 'repair', name, '--apply', report.planFile])}`, terminal),
    );
  if (change?.applied === true || nothingToDo)
    lines.push(conclusion(name, nothingToDo ? [] : (result.corrects ?? []), result.remaining, terminal));
  lines.push(...droppedLines(result.droppedFile));
  const line = equivalentLine(result, report.line);
  if (line !== undefined) lines.push('the same in one line:', continued(`    ${line}`, terminal));
  return `${lines.join('\n')}\n`;
}

/** What remains wrong with its next steps, under one line that says how it ended. */
function conclusion(
  name: string,
  corrects: readonly string[],
  remaining: readonly Problem[],
  terminal: Terminal,
): string {
  const parts = [
    corrects.length > 0 ? `${plural(corrects.length, 'problem')} corrected` : 'nothing was wrong',
  ];
  if (corrects.length === 0 && remaining.length > 0) parts[0] = 'nothing was changed';
  if (remaining.length > 0)
    parts.push(`${plural(remaining.length, 'problem')} ${remaining.length === 1 ? 'remains' : 'remain'}`);
  const head = headed(name, parts.join(', '), terminal);
  return remaining.length === 0
    ? head
    : `${head}\n${problemsText(name, remaining, { terminal, verbose: false })}`;
}

function droppedLines(file: string | undefined): string[] {
  return file === undefined ? [] : [`the entries that were dropped are saved in ${file}`];
}

/** What brings a content to begin with nearer. */
function wordsForStart(name: string, { starts, lacksMain }: FoundStarts): string[] {
  if (lacksMain) return ['repair', name, '--main', 'MAIN'];
  return starts.length === 0 ? ['dump', '-o', 'spare.json', name] : ['repair', name];
}

/** What was left undecided, with all that is needed to decide it, and what to type. */
function undecidedText(report: RepairReport, undecided: Undecided, terminal: Terminal): string {
  const { lastingName: name, starts } = report.result;
  const ended = (why: string) => headed(name, `${why}; nothing was changed`, terminal);
  const next = (line: string) => continued(`    next: ${line}`, terminal);
  switch (undecided.what) {
    case 'start': {
      const last = [
        ended('no content is proven'),
        next(shellCommand(['dmremap', ...wordsForStart(name, starts)])),
      ];
      return `${startsText(starts, terminal)}${last.join('\n')}\n`;
    }
    case 'answer': {
      const { question } = undecided;
      const lines = answerLines(report.result, report.line, question).map(next);
      const last = [ended(`${question.key} is for you to answer`), ...lines];
      return `${questionText(question, terminal)}${last.join('\n')}\n`;
    }
    case 'cut-short': {
      const { command, path } = undecided.cutShort;
      const why = `${command} was cut short, and what it overwrote is saved in ${path}`;
      return `${[ended(why), next(shellCommand(['dmremap', 'check', '-p', name]))].join('\n')}\n`;
    }
  }
}

export function repairJson({ result, line, planFile }: RepairReport): JsonObject {
  const {
    lastingName: name,
    found,
    starts,
    start,
    draft,
    undecided,
    change,
    droppedFile,
    remaining,
  } = result;
  return {
    ...(change === undefined
      ? {
          device: name,
          applied: false,
          undo_file: null,
          before: null,
          after: null,
          steps: draft?.phases.map(({ purpose }) => purpose) ?? [],
        }
      : changeJson(change)),
    problems: problemsJson(found.problems, name),
    candidates: starts.starts.map(startJson),
    limits: starts.limits,
    candidate: start?.id ?? null,
    answers: [...(draft?.answers ?? [])].map(([question, { id }]) => ({ question, answer: id })),
    undecided: undecided === undefined ? null : undecidedJson(undecided),
    header_changes: draft === undefined ? [] : fieldChanges(found, draft).map((one) => ({ ...one })),
    dropped: draft === undefined ? [] : entriesJson(draft.dropped),
    dropped_file: droppedFile ?? null,
    plan_file: planFile ?? null,
    corrected: change?.applied === true ? (result.corrects ?? []) : [],
    remaining: remaining.map(({ id }) => id),
    equivalent: equivalentLine(result, line) ?? null,
  };
}

function startJson(start: Start): JsonObject {
  const { id, certainty, title, why, searched, content, lost } = start;
  return {
    id,
    certainty,
    says: certaintyOf(start),
    title,
    why,
    searched: searched ?? null,
    generation: content.header.generation,
    keeps: content.table.count,
    loses: entriesJson(lost),
  };
}

function undecidedJson(undecided: Undecided): JsonObject {
  if (undecided.what === 'answer') return { what: undecided.what, ...questionJson(undecided.question) };
  if (undecided.what === 'cut-short') return { what: undecided.what, undo_file: undecided.cutShort.path };
  return { what: undecided.what };
}

function questionJson({ key, facts, answers }: Question): JsonObject {
  return {
    question: key,
    facts,
    answers: answers.map(({ effect: _effect, ...answer }) => ({ ...answer })),
  };
}

function entriesJson(table: RemapTable): JsonObject[] {
  return Array.from({ length: table.count }, (_, slot) => ({
    main_sector: table.exactMainSector(slot),
    spare_sector: table.exactSpareSector(slot),
  }));
}

export function appliedExitCode({ change, remaining }: AppliedPlan): number {
  if (!change.applied) return EXIT_OK;
  return EXIT_CORRECTED | (remaining.length > 0 ? EXIT_PROBLEMS : EXIT_OK);
}

export function appliedText(name: string, applied: AppliedPlan, terminal: Terminal): string {
  const { change, corrects, remaining, droppedFile } = applied;
  if (!change.applied) return '';
  return `${[conclusion(name, corrects, remaining, terminal), ...droppedLines(droppedFile)].join('\n')}\n`;
}

export function appliedJson({ change, corrects, remaining, droppedFile }: AppliedPlan): JsonObject {
  return {
    ...changeJson(change),
    corrected: change.applied ? corrects : [],
    remaining: remaining.map(({ id }) => id),
    dropped_file: droppedFile ?? null,
  };
}
