import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { notAhead } from './priority.js';

/** A command that a server lives for (serve --run). */
export interface RunClient {
  /** Its exit code; 128 and the number of the signal where one ended it, as a shell says it. */
  readonly ended: Promise<number>;
  /** Asks it to end, and ends it where it does not. Resolves when it is over. */
  stop(): Promise<void>;
}

/** So long a command may go on once it was asked to end, in milliseconds. */
const PATIENCE = 5000;

/** What systemd tells this process alone. */
const OF_SYSTEMD = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET'];

/** Runs a command in a shell with the address of the server in $uri. */
export function runClient(command: string, uri: string): RunClient {
  const env: NodeJS.ProcessEnv = { ...process.env, uri };
  for (const name of OF_SYSTEMD) delete env[name];
  const child = notAhead(() => spawn('/bin/sh', ['-c', command], { stdio: 'inherit', env }));
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    await ended;
    clearTimeout(late);
  };
  return { ended, stop };
}
