import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** A command that a server lives for (serve --run). */
export interface RunClient {
  /** Its exit code; 128 and the number of the signal where one ended it, as a shell says it. */
  readonly ended: Promise<number>;
  /** Asks it to end. */
  stop(): void;
}

/** What systemd tells this process alone. */
const OF_SYSTEMD = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET'];

/** Runs a command in a shell with the address of the server in $uri. */
export function runClient(command: string, uri: string): RunClient {
  const env: NodeJS.ProcessEnv = { ...process.env, uri };
  for (const name of OF_SYSTEMD) delete env[name];
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit', env });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  return { ended, stop: () => void child.kill('SIGTERM') };
}
