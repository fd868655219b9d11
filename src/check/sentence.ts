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

/**
 * What to type next.
 *
 * @param device the name of the spare that the problem is about
 * @param quote makes one word of a shell command of a name
 */
export function nextStepFor(problem: Problem, device: string, quote: (name: string) => string): string {
  const pair = problem.pair?.map(quote).join(' ');
  return fill(problem.row.next, { ...factsOf(problem), pair, device: quote(device) });
}
