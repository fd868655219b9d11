import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { failureText, headline, indent } from './failure-text.js';
import { Skipped } from './needs.js';
import { openResultChannel, type ResultRecord, WHOLE_FILE } from './report.js';

/**
 * The course of one test file, watched from its first import to the exit of its process: whatever cuts it
 * short, and whatever goes wrong beside a test, is a failure with a name.
 */

/** How long a finished file may keep its process alive before what it left open is called a failure. */
const LINGER_MS = 5_000;

const channel = openResultChannel();
const counts = { registered: 0, finished: 0, passed: 0, failed: 0, skipped: 0 };
/** The same error often arrives twice, as a rejection and as an uncaught exception. */
const reported = new Set<unknown>();
let phase: 'collecting' | 'running' | 'done' = 'collecting';
let running: string | undefined;
/** Fails the step that is being waited for. */
let interrupt: ((thrown: unknown) => void) | undefined;

function write(record: ResultRecord): void {
  channel.write(record);
}

function failed(test: string, text: string): void {
  counts.failed++;
  write({ kind: 'fail', test, text });
}

/** uvu prints what fails in a test; what fails beside one is printed here, for those who look on. */
function failedBeside(test: string, text: string): void {
  failed(test, text);
  if (!channel.watched) console.error(`\n  FAIL ${test}\n${indent(text)}`);
}

/** Something happened that no test was waiting for: the running test has failed, or the file has. */
function stray(what: string, thrown: unknown): void {
  if (reported.has(thrown) && thrown instanceof Error) return;
  reported.add(thrown);
  const error = new Error(`${what}: ${headline(failureText(thrown))}`, { cause: thrown });
  if (interrupt !== undefined) interrupt(error);
  else failedBeside(WHOLE_FILE, failureText(error));
}

/** Runs one step under a time limit. */
async function limited(step: () => void | Promise<void>, timeoutMs: number): Promise<void> {
  const watch = new Promise<never>((_, reject) => {
    interrupt = reject;
  });
  watch.catch(() => {});
  const late = () => interrupt?.(new Error(`not finished after ${timeoutMs} ms`));
  // Not a reason to stay alive: with nothing else to wait for, the step can never finish (see beforeExit).
  const timer = setTimeout(late, timeoutMs).unref();
  try {
    await Promise.race([Promise.resolve().then(step), watch]);
    // A rejection that nobody handles is announced after the step has returned; wait for it here, so that it
    // is counted against the test that caused it.
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), watch]);
  } finally {
    clearTimeout(timer);
    interrupt = undefined;
  }
}

/** Runs one test and writes down how it ended; throws for uvu, which counts by that. */
async function test(name: string, body: () => Promise<void>): Promise<void> {
  running = name;
  write({ kind: 'start', test: name });
  try {
    await body();
    counts.passed++;
    write({ kind: 'pass', test: name });
  } catch (thrown) {
    if (!(thrown instanceof Skipped)) {
      reported.add(thrown);
      const text = failureText(thrown);
      failed(name, text);
      throw plainError(channel.watched ? headline(text).slice(0, 100) : text);
    }
    counts.skipped++;
    write({ kind: 'skip', test: name, reason: thrown.message });
    if (!channel.watched) console.log(`\n  SKIP ${name}: ${thrown.message}`);
  } finally {
    counts.finished++;
    running = undefined;
  }
}

/** An error that uvu can print: it drops the rest of a suite when it fails to format one. */
function plainError(text: string): Error {
  const error = new Error(text);
  error.stack = 'Error';
  return error;
}

/** Starts the tests as soon as the test file has been evaluated to its end, its own awaits included. */
function start(execute: () => Promise<void>): void {
  const main = process.argv[1];
  if (main === undefined) throw new Error('tests are run as a file');
  import(pathToFileURL(realpathSync(main)).href).then(
    async () => {
      phase = 'running';
      try {
        await execute();
      } catch (thrown) {
        stray('running the tests threw', thrown);
      }
      finish();
    },
    (thrown: unknown) => {
      stray('loading the file threw', thrown);
      finish();
    },
  );
}

function finish(): void {
  phase = 'done';
  const lost = counts.registered - counts.finished;
  if (lost > 0) failedBeside(WHOLE_FILE, `${lost} of ${counts.registered} tests did not run`);
  if (counts.registered === 0) failedBeside(WHOLE_FILE, 'no test in it');
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().filter((kind) => kind !== 'TTYWrap' && kind !== 'PipeWrap');
    failedBeside(WHOLE_FILE, `the tests are over, yet the process lives on; still open: ${open.join(', ')}`);
    process.exit(1);
  }, LINGER_MS).unref();
}

process.on('unhandledRejection', (thrown) => stray('a rejection was not handled', thrown));
process.on('uncaughtException', (thrown) => stray('an exception was not caught', thrown));

process.on('beforeExit', () => {
  interrupt?.(new Error('waits for something that can never happen: nothing is left in the event loop'));
});

process.on('exit', (code) => {
  if (phase !== 'done') {
    const where = phase === 'collecting' ? 'before the tests began' : 'before the tests were over';
    const during = running === undefined ? where : `while “${running}” ran`;
    failedBeside(running ?? WHOLE_FILE, `the process ended, with exit code ${code}, ${during}`);
    const lost = counts.registered - counts.finished - (running === undefined ? 0 : 1);
    if (lost > 0) failedBeside(WHOLE_FILE, `${lost} of ${counts.registered} tests did not run`);
  } else if (code !== 0 && counts.failed === 0) {
    failedBeside(WHOLE_FILE, `the process ended with exit code ${code} after its tests`);
  }
  process.exitCode = counts.failed > 0 ? 1 : 0;
  write({ kind: 'end', registered: counts.registered });
  if (!channel.watched)
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  channel.close();
});

export const run = {
  register(): void {
    if (phase !== 'collecting') throw new Error('a test was added after the tests had started');
    counts.registered++;
  },
  test,
  limited,
  failed: failedBeside,
  start,
};
