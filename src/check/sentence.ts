import type { ProblemId } from './catalogue/index.js';
import type { CatalogueRow } from './catalogue/row.js';
import { judge } from './checker.js';
import type { Finding, Problem } from './finding.js';

/** The facts of a finding as they stand in a sentence. */
function factsOf(finding: Finding): Record<string, string | undefined> {
  const { copy, field, byte, stored, expected, detail, count } = finding;
  return {
    copy,
    field,
    byte: byte?.toString(),
    stored: stored?.toString(),
    expected: expected?.toString(),
    detail,
    count: count?.toString(),
    entries: count === undefined ? undefined : count === 1 ? '1 entry' : `${count} entries`,
  };
}

function fill(template: string, facts: Record<string, string | undefined>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => facts[name] ?? placeholder);
}

/** What was found, in one sentence with its values. */
export function sentenceOf(problem: Problem): string {
  return fill(problem.row.says, factsOf(problem));
}

export interface NextStep {
  readonly line: string;
  /** The id of what has to be settled before the line does anything: a correction is all or nothing. */
  readonly after?: string;
}

/**
 * What to type next.
 *
 * @param among everything that was found on the spare, the problem itself included
 * @param device the name of the spare that the problem is about
 * @param quote makes one word of a shell command of a name
 */
export function nextStepFor(
  problem: Problem,
  among: readonly Problem[],
  device: string,
  quote: (name: string) => string,
): NextStep {
  const lineOf = ({ row }: Problem) =>
    fill(row.next, {
      ...factsOf(problem),
      pair: problem.pair?.map(quote).join(' '),
      device: quote(device),
    });
  const line = lineOf(problem);
  const unsettled = among.find(({ row, id }) => row.severity === 'problem' && !id.startsWith('module-'));
  if (line.startsWith('dmremap convert ') && unsettled !== undefined) return { line, after: unsettled.id };
  if (!CORRECTED.includes(problem.row.fix)) return { line };
  if (judge(among, 'preen').correctable.includes(problem)) return { line };
  if (judge(among, 'yes').correctable.includes(problem))
    return { line: line.replace(/^dmremap check -p /, 'dmremap check -y ') };
  const first = among.find(
    ({ row, id }) => row.severity === 'problem' && id !== 'role-target' && !CORRECTED.includes(row.fix),
  );
  if (first !== undefined) return { line, after: first.id };
  const bar = among.find(({ id }) => BARS.includes(id));
  return { line: bar === undefined ? line : lineOf(bar) };
}

const CORRECTED: readonly CatalogueRow['fix'][] = ['unattended', 'proven'];

/** Under these nothing is corrected, or nothing but a copy from the other one. */
const BARS: readonly ProblemId[] = [
  'ro-compat-unknown',
  'role-target',
  'role-retired',
  'module-image',
  'module-accepted',
];
