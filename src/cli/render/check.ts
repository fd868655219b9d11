import type { Problem } from '../../check/finding.js';
import { acceptedModule } from '../../check/rules/module.js';
import { nextStepFor, sentenceOf } from '../../check/sentence.js';
import type { Survey } from '../../check/survey.js';
import { type Header, hasExtension, isRedundant, roleName } from '../../format/header.js';
import { type CheckOutcome, errorsOf, isFailure } from '../../operations/check-many.js';
import type { CheckReport } from '../../operations/check-report.js';
import { exitCodeOf } from '../exit-codes.js';
import { describeFailure } from '../report.js';
import { paint, type Terminal } from '../terminal.js';
import type { JsonObject } from './json.js';
import { displayWidth, plural, quoteForShell, wrap } from './text.js';

export interface CheckTextOptions {
  readonly terminal: Terminal;
  /** Also what each problem means and what its correction does. */
  readonly verbose: boolean;
  /** False where the next step is what is being done. */
  readonly next?: boolean;
}

/** What a check found on one device, as people read it. */
export function checkText(report: CheckReport, { terminal, verbose }: CheckTextOptions): string {
  const { found, corrected, remaining } = report;
  const lines = [headed(report.device, describeSet(report), terminal)];
  const refused = found.problems.some(({ row }) => row.severity === 'refusal');
  const problems = problemsText(report.lastingName, found.problems, { terminal, verbose }, corrected);
  if (problems !== '') lines.push(problems);
  for (const step of report.done) lines.push(indented(`done: ${step}`, 4, terminal));
  const end = refused ? 'not checked, nothing was changed' : conclusion(corrected.length, remaining.length);
  lines.push(headed(report.device, end, terminal));
  return `${lines.join('\n')}\n`;
}

function describeSet({ found }: CheckReport): string {
  const { chosen } = found.survey.choice;
  if (chosen === undefined || found.survey.choice.unsupported.length > 0)
    return describeUntrusted(found.survey);
  const { header } = chosen;
  const layout = isRedundant(header) ? 'redundant' : 'plain';
  const role = hasExtension(header) && header.role !== 0 ? `, ${roleName(header.role)}` : '';
  return `${layout} set, ${header.entry_count} of ${header.max_entries} entries, generation ${header.generation}${role}`;
}

/** What a spare is of which no copy was chosen. */
export function describeUntrusted({ module, choice }: Survey): string {
  if (module !== undefined)
    return `a spare of the dm-remap v3 kernel module, ${MODULE_STANDING[module.standing]}`;
  if (choice.unsupported.length > 0) return 'a DMREMAP3 spare that needs a newer dmremap';
  return 'a DMREMAP3 spare, but no copy of its metadata can be trusted';
}

const MODULE_STANDING = {
  accepted: 'which reads it',
  proven: 'which cannot read it; what it holds is proven',
  guess: 'which cannot read it',
} as const;

function conclusion(corrected: number, remaining: number): string {
  if (corrected === 0 && remaining === 0) return 'clean';
  const parts: string[] = [];
  if (corrected > 0) parts.push(`${plural(corrected, 'problem')} corrected`);
  if (remaining > 0) parts.push(`${plural(remaining, 'problem')} ${remaining === 1 ? 'remains' : 'remain'}`);
  if (corrected === 0) parts.push('nothing was changed');
  return parts.join(', ');
}

/** All that is to be said about a device, a paragraph a problem; empty where there is nothing. */
export function problemsText(
  device: string,
  problems: readonly Problem[],
  options: CheckTextOptions,
  corrected: readonly Problem[] = [],
): string {
  return problems
    .flatMap((problem) => problemLines(problem, problems, device, corrected.includes(problem), options))
    .join('\n');
}

function problemLines(
  problem: Problem,
  among: readonly Problem[],
  device: string,
  corrected: boolean,
  { terminal, verbose, next = true }: CheckTextOptions,
): string[] {
  const { row } = problem;
  const mark = corrected ? 'corrected' : row.severity;
  const style = { note: 'bold', corrected: 'green', problem: 'red', refusal: 'red' } as const;
  const lines = [
    `  ${paint(terminal, style[mark], mark)} ${row.id}`,
    indented(sentenceOf(problem), 4, terminal),
  ];
  const where = placeOf(problem);
  if (where !== '') lines.push(indented(`where: ${where}`, 4, terminal));
  for (const { index, main_sector, spare_sector } of problem.entries ?? [])
    lines.push(`      entry ${index}: main sector ${main_sector} -> spare sector ${spare_sector}`);
  if ((problem.count ?? 0) > (problem.entries?.length ?? Number.POSITIVE_INFINITY))
    lines.push(`      and ${(problem.count ?? 0) - (problem.entries?.length ?? 0)} more`);
  if (row.severity !== 'note' || verbose) lines.push(indented(row.means, 4, terminal));
  if (verbose) lines.push(indented(`correction: ${row.corrects}`, 4, terminal));
  if (next && row.severity !== 'note' && !corrected) {
    const { line, after } = nextStepFor(problem, among, device, quoteForShell);
    lines.push(continued(`    ${after === undefined ? 'next' : `after ${after}`}: ${line}`, terminal));
  }
  return lines;
}

function placeOf({ copy, field, byte }: Problem): string {
  const parts: string[] = [];
  if (copy !== undefined) parts.push(`${copy} copy`);
  if (field !== undefined) parts.push(`field ${field}`);
  if (byte !== undefined) parts.push(`byte ${byte}`);
  return parts.join(', ');
}

export function indented(text: string, by: number, terminal: Terminal): string {
  const pad = ' '.repeat(by);
  return wrap(text, Math.max(terminal.width - by, 20))
    .split('\n')
    .map((line) => pad + line)
    .join('\n');
}

/** The layout of a spare with this header. */
export function layoutName({ module }: Survey, header: Header): 'redundant' | 'plain' | 'module' {
  if (module !== undefined) return 'module';
  return isRedundant(header) ? 'redundant' : 'plain';
}

/** What is said of a device, behind its name or, where that is long, below it. */
export function headed(device: string, text: string, terminal: Terminal): string {
  const line = `${device}: ${text}`;
  return displayWidth(line) <= terminal.width ? line : `${device}:\n${indented(text, 2, terminal)}`;
}

/** A line to be typed; where it is too long it goes on as a shell understands it, so that it can be pasted. */
export function continued(line: string, { width }: Terminal): string {
  // within quotes a backslash would be one of the name
  if (displayWidth(line) <= width || line.includes("'")) return line;
  return wrap(line, Math.max(width - 2, 20), { indent: ' '.repeat(8) }).replaceAll('\n', ' \\\n');
}

/** What came of one device of several; an error is told on standard error. */
export function outcomeText(outcome: CheckOutcome, options: CheckTextOptions): string {
  return isFailure(outcome) ? '' : checkText(outcome, options);
}

export function outcomeExitCode(outcome: CheckOutcome): number {
  const found = isFailure(outcome) ? 0 : outcome.exitCode;
  return errorsOf(outcome).reduce((codes, { code }) => codes | exitCodeOf(code), found);
}

export function outcomeJson(outcome: CheckOutcome): JsonObject {
  const [error] = errorsOf(outcome);
  return {
    ...(isFailure(outcome) ? { device: outcome.device } : checkJson(outcome)),
    exit_code: outcomeExitCode(outcome),
    ...(error === undefined ? {} : { error: describeFailure(error, false).error }),
  };
}

/** The same for --json: one object a device. */
export function checkJson(report: CheckReport): JsonObject {
  return {
    device: report.device,
    exit_code: report.exitCode,
    ...setJson(report.found.survey),
    problems: problemsJson(report.found.problems, report.lastingName),
    corrected: report.corrected.map(({ id }) => id),
    remaining: report.remaining.map(({ id }) => id),
    done: report.done,
  };
}

function setJson(survey: Survey): JsonObject {
  const chosen = survey.choice.chosen ?? acceptedModule(survey)?.copy;
  if (chosen === undefined) return { set: null };
  const { header } = chosen;
  return {
    set: {
      layout: layoutName(survey, header),
      chosen_copy: chosen.name,
      generation: header.generation,
      entry_count: header.entry_count,
      max_entries: header.max_entries,
      role: roleName(hasExtension(header) ? header.role : 0),
    },
  };
}

/** @param device its name as it stands in what to type next */
export function problemsJson(problems: readonly Problem[], device: string): JsonObject[] {
  return problems.map((problem) => problemJson(problem, problems, device));
}

function problemJson(problem: Problem, among: readonly Problem[], device: string): JsonObject {
  const step =
    problem.row.severity === 'note' ? undefined : nextStepFor(problem, among, device, quoteForShell);
  const { row, id, copy, field, byte, stored, expected, count, entries } = problem;
  return {
    id,
    severity: row.severity,
    fix: row.fix,
    message: sentenceOf(problem),
    copy,
    field,
    byte,
    stored,
    expected,
    count,
    entries: entries?.map((entry) => ({ ...entry })),
    next: step?.line,
    after: step?.after,
  };
}
