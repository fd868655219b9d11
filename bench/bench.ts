/** One thing that is measured. */
export interface Bench {
  /** What it is, by which it can be selected. */
  readonly title: string;
  /** Measures; gives the lines of the report. */
  readonly run: () => readonly string[];
}

/** Thrown where the peer is not installed: the bench is left out and said to be. */
export class PeerMissing extends Error {}

/** Whether one of the words stands in the title; without words everything is selected. */
export function isSelected(title: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => title.includes(word));
}

export type Verdict = 'PASS' | 'FAIL' | 'info';

export function verdict(isMet: boolean): Verdict {
  return isMet ? 'PASS' : 'FAIL';
}

/** A line of the report: the verdict, what was measured, what came of it, and from what. */
export function line(what: Verdict | 'skip' | 'ERROR', title: string, result: string, from = ''): string {
  return `${what.padEnd(5)} ${title}: ${result}${from === '' ? '' : `  [${from}]`}`;
}
