import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** A command that a server lives for (serve --run). */
export interface RunClient {
  /** Its exit code; 128 and the number of the signal where one ended it, as a shell says it. */
  readonly ended: Promise<number>;
  /** Asks it to end. */
  stop(): void;
}

/** Runs a command in a shell with the address of the server in $uri. */
export function runClient(command: string, uri: string): RunClient {
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit', env: { ...process.env, uri } });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  return { ended, stop: () => void child.kill('SIGTERM') };
}
