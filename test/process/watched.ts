import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { DMREMAP, PLAIN, runProgram } from '../obligations/run-cli.js';

/** A run of dmremap whose writes are heard. */
export interface Watched {
  readonly child: ChildProcess;
  readonly began: number;
  /** When files changed, in milliseconds of performance.now(). */
  readonly changes: readonly number[];
  /** The exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts a line; `heard` is called at once and at every change of one of the files, with their number. */
export function startWatched(
  line: readonly string[],
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  heard: (changes: number, child: ChildProcess) => void = () => {},
): Watched {
  const changes: number[] = [];
  const watchers = files.map((path) =>
    watch(path, () => {
      changes.push(performance.now());
      heard(changes.length, child);
    }),
  );
  const began = performance.now();
  const child: ChildProcess = spawn(process.execPath, [DMREMAP, ...line], {
    env: { ...PLAIN, ...env },
    stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      for (const watcher of watchers) watcher.close();
      resolve(code);
    });
  });
  queueMicrotask(() => heard(0, child));
  return { child, began, changes, ended };
}

/** A call of the system that a process makes to write or to flush. */
export type Call = 'pwrite64' | 'fsync';

/** Runs a line under strace, which kills it at its nth call of that name; null if it did, else the exit code. */
export async function runKilledAtCall(
  line: readonly string[],
  env: NodeJS.ProcessEnv,
  call: Call,
  nth: number,
): Promise<number | null> {
  const inject = `inject=${call}:signal=SIGKILL:when=${nth}`;
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
  // calls are counted thread by thread
  const more = { ...env, UV_THREADPOOL_SIZE: '1' };
  return (await runProgram([...strace, process.execPath, DMREMAP, ...line], { env: more })).code;
}
