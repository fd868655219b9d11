import { type ProblemId, rowOf } from './catalogue/index.js';
import type { CatalogueRow } from './catalogue/row.js';
import type { Finding, Problem } from './finding.js';
import { ruleCopies, ruleSupported } from './rules/copies.js';
import { ruleEntries } from './rules/entries.js';
import {
  ruleCapacity,
  ruleFlags,
  ruleGeneration,
  ruleGeometry,
  ruleReserved,
  ruleRole,
  ruleState,
} from './rules/header.js';
import { asPlainSet, ruleModule } from './rules/module.js';
import { ruleSize } from './rules/size.js';
import { ruleHolder, ruleMain, ruleMedia } from './rules/surroundings.js';
import type { Survey } from './survey.js';

type Rule = (survey: Survey) => Finding[];

/** In the order in which a person wants to read them. */
const RULES: readonly Rule[] = [
  ruleHolder,
  ruleModule,
  ruleCopies,
  ruleRole,
  ruleSize,
  ruleGeometry,
  ruleCapacity,
  ruleGeneration,
  ruleState,
  ruleReserved,
  ruleFlags,
  ruleEntries,
  ruleMain,
  ruleMedia,
];

/** All that is to be said about one spare. Where a refusal stands, nothing else is said. */
export function check(survey: Survey): Problem[] {
  const refusals = ruleSupported(survey);
  const judged = asPlainSet(survey);
  const findings = refusals.length > 0 ? refusals : RULES.flatMap((rule) => rule(judged));
  const problems = findings.map(withRow);
  const unknown = problems.filter(({ row }) => row.severity === 'refusal');
  return unknown.length > 0 ? unknown : problems;
}

export function withRow(finding: Finding): Problem {
  return { ...finding, row: rowOf(finding.id) };
}

export type Mode = 'read' | 'preen' | 'yes';

/** Rows whose correction only makes a spare's own copies whole: allowed on retired and incomplete spares too. */
const OWN_COPIES: ReadonlySet<ProblemId> = new Set([
  'copy-damaged',
  'copy-stale',
  'copy-superseded',
  'copy-table-unreadable',
  'no-valid-copy-proven',
]);

/** What another program writes as well, by rules of its own: nothing of it is corrected by any flag. */
const NEVER_TOUCHED: ReadonlySet<ProblemId> = new Set([
  'ro-compat-unknown',
  'module-accepted',
  'module-image',
]);

export interface Verdict {
  /** The exit code if nothing is corrected. */
  readonly exitCode: 0 | 4 | 8;
  /** What may be corrected now in this mode: all that can be, or nothing (cli.md). */
  readonly correctable: readonly Problem[];
  /** Problems that stay when the correctable ones are corrected. */
  readonly remaining: readonly Problem[];
}

export function judge(problems: readonly Problem[], mode: Mode): Verdict {
  if (problems.some(({ row }) => row.severity === 'refusal'))
    return { exitCode: 8, correctable: [], remaining: problems };
  const real = problems.filter(({ row }) => row.severity === 'problem');
  const exitCode = real.length > 0 ? 4 : 0;
  const nothing: Verdict = { exitCode, correctable: [], remaining: real };
  if (mode === 'read' || real.length === 0) return nothing;
  if (problems.some(({ id }) => NEVER_TOUCHED.has(id))) return nothing;
  const incomplete = real.filter(({ id }) => id === 'role-target');
  const open = real.filter(({ id }) => id !== 'role-target');
  const passive = incomplete.length > 0 || problems.some(({ id }) => id === 'role-retired');
  const allowed = (problem: Problem) =>
    mayCorrect(problem.row, mode) && (!passive || OWN_COPIES.has(problem.id));
  return open.every(allowed) ? { exitCode, correctable: open, remaining: incomplete } : nothing;
}

function mayCorrect(row: CatalogueRow, mode: Mode): boolean {
  return row.fix === 'unattended' || (row.fix === 'proven' && mode === 'yes');
}
