import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ending, type FileResult, RESULT_VARIABLE, readRecords, tally } from './report.js';

/** More than this of what a file printed is left out, from the front: the end is where the trouble is. */
const OUTPUT_LIMIT = 200_000;

/** How long the rest of the output is waited for once the process is gone. */
const OUTPUT_PATIENCE_MS = 5_000;

/** Processes under way, so that an interrupted run leaves none behind. */
const children = new Set<ChildProcess>();

/** Runs one compiled test file as a process of its own and collects what it reported. */
export async function runFile(path: string, name: string, timeoutMs: number): Promise<FileResult> {
  const folder = mkdtempSync(join(tmpdir(), 'dmremap-test-'));
  const results = join(folder, 'results');
  const began = Date.now();
  try {
    // A process group of its own: what a test starts and forgets ends with it.
    const child = spawn(process.execPath, ['--enable-source-maps', path], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [RESULT_VARIABLE]: results },
    });
    children.add(child);
    const output = collect(child);
    const ending = await waitFor(child, timeoutMs);
    killGroup(child);
    children.delete(child);
    // A process that left the group may still hold the streams open; it is not waited for.
    await Promise.race([output.closed, delay(OUTPUT_PATIENCE_MS, undefined, { ref: false })]);
    const records = existsSync(results) ? readRecords(results) : [];
    return {
      file: name,
      ...tally(records, ending),
      output: output.text(),
      milliseconds: Date.now() - began,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends every test process that is still running. */
export function killAll(): void {
  for (const child of children) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already, as it should be.
  }
}

function waitFor(child: ChildProcess, timeoutMs: number): Promise<Ending> {
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, timedOut });
    });
  });
}

interface Output {
  text(): string;
  /** Both streams are at their end. */
  readonly closed: Promise<void>;
}

/** What the child prints on both streams, as it comes. */
function collect(child: ChildProcess): Output {
  let text = '';
  let cut = false;
  const add = (chunk: string) => {
    text += chunk;
    if (text.length <= OUTPUT_LIMIT) return;
    text = text.slice(-OUTPUT_LIMIT / 2);
    cut = true;
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', add);
  return {
    text: () => (cut ? `[the beginning is left out]\n${text}` : text),
    closed: new Promise((resolve) => child.once('close', () => resolve())),
  };
}
