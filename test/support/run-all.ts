import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { headline, indent } from './failure-text.js';
import type { FileResult } from './report.js';
import { runFile } from './run-file.js';

export interface RunOptions {
  readonly folder: string;
  /** Of that folder; all *.test.js in it unless told. */
  readonly files?: readonly string[];
  /** Only files whose name contains one of these; each has to fit at least one file. */
  readonly filters: readonly string[];
  /** Where a skipped test is a failed one: on a machine that is meant to have everything. */
  readonly skipsFail: boolean;
  readonly fileTimeoutMs: number;
  readonly print: (line: string) => void;
}

/** Runs the test files, reports, and returns the exit code. The last line printed is the count. */
export async function runAll(options: RunOptions): Promise<number> {
  const { print } = options;
  const all = options.files ?? testFiles(options.folder);
  const wanted = all.filter(
    (file) => options.filters.length === 0 || options.filters.some((filter) => file.includes(filter)),
  );
  const useless = options.filters.filter((filter) => !all.some((file) => file.includes(filter)));

  const results = await inParallel(wanted, async (file) => {
    const result = await runFile(join(options.folder, file), file, options.fileTimeoutMs);
    print(oneLine(result));
    return result;
  });

  const failures = results.filter((result) => result.failed.length > 0);
  for (const result of failures) printFailures(result, print);
  const skipped = results.flatMap((result) => result.skipped.map((skip) => ({ file: result.file, ...skip })));
  if (skipped.length > 0) print(options.skipsFail ? '\nSkipped, which counts as failed:' : '\nSkipped:');
  for (const { file, test, reason } of skipped) print(`    ${file}: ${test}: ${reason}`);
  for (const filter of useless) print(`\nNo test file is called anything with “${filter}”.`);

  const passed = sum(results, (result) => result.passed.length);
  let failed = sum(results, (result) => result.failed.length) + useless.length;
  if (options.skipsFail) failed += skipped.length;
  if (passed + failed + skipped.length === 0) {
    print(`\nNo test was run: there is none in ${options.folder}.`);
    failed = 1;
  }
  const counts = [`${passed} passed`, `${failed} failed`];
  if (skipped.length > 0 && !options.skipsFail) counts.push(`${skipped.length} skipped`);
  print('');
  print(counts.join(', '));
  // A run in which everything was skipped has shown nothing.
  return failed > 0 || passed === 0 ? 1 : 0;
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Runs the tasks, as many at a time as there are processors; results in the order of the items. */
async function inParallel<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [place, item] of queue) results[place] = await task(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

function oneLine(result: FileResult): string {
  const counts = [`${result.passed.length} passed`];
  if (result.failed.length > 0) counts.push(`${result.failed.length} failed`);
  if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`);
  const seconds = (result.milliseconds / 1000).toFixed(1);
  return `${result.failed.length > 0 ? 'FAIL' : 'ok  '} ${result.file}  ${counts.join(', ')}  (${seconds} s)`;
}

function printFailures(result: FileResult, print: (line: string) => void): void {
  for (const { test, text } of result.failed) print(`\nFAIL ${result.file}: ${test}\n${indent(text)}`);
  if (result.output.trim() === '') return;
  print(`\nWhat ${result.file} printed:\n${indent(result.output.trimEnd())}`);
  // Printed output can be long; the names are repeated where the eye is.
  if (result.output.length < 2_000) return;
  for (const { test, text } of result.failed) print(`\nFAIL ${result.file}: ${test}: ${headline(text)}`);
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}
