import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';

/** What became of a program that ran in a thread. */
export interface EndedThread {
  /** Null where it was ended after the time limit. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ThreadSettings {
  readonly env: NodeJS.ProcessEnv;
  readonly input: string;
  /** After so many milliseconds it is ended. */
  readonly patience: number;
}

const THREAD = join(import.meta.dirname, 'thread.cjs');

/** What V8 made of the programs' files. */
const compiled = new Map<string, Uint8Array>();

/**
 * Runs a program of this package in a thread: it begins with nothing, as a process does, has an environment,
 * streams and an end of its own, and takes about half the processor time. It has no terminal, gets no signals, and
 * shares the current folder and the descriptors with whoever runs it.
 *
 * @param program its entry in bin/
 */
export async function runInThread(
  program: string,
  args: readonly string[],
  { env, input, patience }: ThreadSettings,
): Promise<EndedThread> {
  const worker = new Worker(THREAD, {
    argv: [...args],
    env,
    execArgv: [],
    // some are opened past Node, which would complain of their being closed
    trackUnmanagedFds: false,
    stdin: true,
    stdout: true,
    stderr: true,
    workerData: { program, compiled },
  });
  worker.on('message', (made: ReadonlyMap<string, Uint8Array>) => {
    for (const [file, data] of made) compiled.set(file, data);
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void worker.terminate();
  }, patience);
  worker.stdin?.end(input);
  try {
    const [[code], stdout, stderr] = await Promise.all([
      once(worker, 'exit') as Promise<[number]>,
      text(worker.stdout),
      text(worker.stderr),
    ]);
    return { code: isLate ? null : code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
