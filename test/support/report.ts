import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What a test file tells its runner, line by line as it happens. The lines go to a file of their own, named
 * in the environment: whatever a test prints cannot be taken for a result, and what was written before a
 * crash stays readable after it.
 */
export type ResultRecord =
  | { readonly kind: 'start'; readonly test: string }
  | { readonly kind: 'pass'; readonly test: string }
  | { readonly kind: 'fail'; readonly test: string; readonly text: string }
  | { readonly kind: 'skip'; readonly test: string; readonly reason: string }
  | { readonly kind: 'end'; readonly registered: number };

/** Environment variable that names the result file; without it a test file reports on its own stdout. */
export const RESULT_VARIABLE = 'DMREMAP_TEST_RESULT';

/** The name under which failures of a whole file are reported, as against those of one test. */
export const WHOLE_FILE = '(the file itself)';

export interface ResultChannel {
  /** True when a runner reads the results, so that nothing need be said twice. */
  readonly watched: boolean;
  write(record: ResultRecord): void;
  close(): void;
}

/** Opens the channel once; the variable is taken away so that processes started by tests do not inherit it. */
export function openResultChannel(): ResultChannel {
  const path = process.env[RESULT_VARIABLE];
  if (path === undefined) return { watched: false, write() {}, close() {} };
  delete process.env[RESULT_VARIABLE];
  const descriptor = openSync(path, 'a');
  return {
    watched: true,
    write(record) {
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
    },
    close() {
      closeSync(descriptor);
    },
  };
}

/** The records in a result file. A last line cut short by a kill is left out: it proves nothing. */
export function readRecords(path: string): ResultRecord[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as ResultRecord);
}

export interface Failure {
  readonly test: string;
  readonly text: string;
}

export interface Skip {
  readonly test: string;
  readonly reason: string;
}

export interface FileResult {
  readonly file: string;
  readonly passed: readonly string[];
  readonly failed: readonly Failure[];
  readonly skipped: readonly Skip[];
  /** What the file printed, for people. */
  readonly output: string;
  readonly milliseconds: number;
}

/** How the process of a test file ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/** Counts a file's records and adds the failures that the file could not report about itself. */
export function tally(
  records: readonly ResultRecord[],
  ending: Ending,
): Pick<FileResult, 'passed' | 'failed' | 'skipped'> {
  const passed: string[] = [];
  const failed: Failure[] = [];
  const skipped: Skip[] = [];
  let running: string | undefined;
  let ended = false;
  for (const record of records) {
    if (record.kind === 'start') running = record.test;
    if (record.kind === 'pass') passed.push(record.test);
    if (record.kind === 'fail') failed.push({ test: record.test, text: record.text });
    if (record.kind === 'skip') skipped.push({ test: record.test, reason: record.reason });
    if (record.kind === 'end') ended = true;
    if (record.kind !== 'start' && record.kind !== 'end' && record.test === running) running = undefined;
  }

  const whole = (text: string) => failed.push({ test: WHOLE_FILE, text });
  const during = running === undefined ? '' : ` while “${running}” ran`;
  if (ending.timedOut) whole(`still running after the time allowed for a file${during}: killed`);
  else if (ending.signal !== null) whole(`killed by ${ending.signal}${during}`);
  else if (!ended) whole(`ended with exit code ${ending.code} and without a report${during}`);
  else if (ending.code !== 0 && failed.length === 0)
    whole(`ended with exit code ${ending.code} though every test passed`);
  else if (passed.length + failed.length + skipped.length === 0) whole('no test in it');
  return { passed, failed, skipped };
}
