import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { DMREMAP, PLAIN } from '../obligations/run-cli.js';

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
