/** One thing that is measured. */
export interface Bench {
  /** What it is, by which it can be selected. */
  readonly title: string;
  /** What is counted and how, said above the lines of all benches that have it in common. */
  readonly method: string;
  /** Measures; gives the lines of the report. */
  readonly run: () => readonly string[] | Promise<readonly string[]>;
}

/** Thrown where the peer is not installed: what is measured beside it is left out and said to be. */
export class PeerMissing extends Error {}

/** Whether one of the words stands in the title; without words everything is selected. */
export function isSelected(title: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => title.includes(word));
}

export type Verdict = 'PASS' | 'FAIL' | 'info';

export function verdict(isMet: boolean): Verdict {
  return isMet ? 'PASS' : 'FAIL';
}

/** How times of programs are taken, see `race`. */
export function timesOf(what: string, turns: number): string {
  return (
    `${what}; milliseconds from before the start of a process to after its end, by the wall clock, page cache ` +
    `warm; the programs take turns, ${turns} each after 2 that do not count; median (least-most)`
  );
}

/** How memory is taken, see `peakMemory`. */
export function memoryOf(what: string, runs: number): string {
  return `${what}; VmHWM of the process at its end, in MiB; ${runs} runs, median (least-most)`;
}

/** A line of the report: the verdict, what was measured, what came of it, and from what. */
export function line(what: Verdict | 'skip' | 'ERROR', title: string, result: string, from = ''): string {
  return `${what.padEnd(5)} ${title}: ${result}${from === '' ? '' : `  [${from}]`}`;
}
