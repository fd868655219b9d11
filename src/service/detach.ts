import { type ChildProcess, spawn } from 'node:child_process';
import { DmremapError } from '../errors.js';
import { inheritedSockets } from '../server/activation.js';

/** How a program went that was started to go on by itself. */
export interface Detached {
  /** What it sent when it was ready; undefined where it ended before. */
  readonly ready: unknown;
  /** What it said on standard output until then. */
  readonly output: string;
  /** What it said on standard error until then. */
  readonly said: string;
  /** Where it ended. */
  readonly code: number;
}

/**
 * Starts a program in a session of its own, and waits until it is ready or has ended.
 *
 * @param stop raised where it is to end before it is ready
 * @throws DmremapError `usage` where systemd has opened sockets, which are this process's alone
 */
export async function detach(command: readonly string[], stop: AbortSignal): Promise<Detached> {
  if (inheritedSockets(process.env, process.pid).length > 0)
    throw new DmremapError('usage', '--detach: the sockets of systemd are for this process alone', {
      hint: 'without --detach systemd is told when clients are accepted: Type=notify',
    });
  const [program = '', ...words] = command;
  const child = spawn(program, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const end = (): void => void child.kill('SIGTERM');
  stop.addEventListener('abort', end);
  const went = new Promise<Detached>((resolve, reject) => {
    let [output, said] = ['', ''];
    child.once('error', reject);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('message', (ready) =>
      // what it said before is read by then
      setImmediate(() => {
        letGo(child);
        resolve({ ready, output, said, code: 0 });
      }),
    );
    child.once('close', (code) => resolve({ ready: undefined, output, said, code: code ?? 8 }));
  });
  return went.finally(() => stop.removeEventListener('abort', end));
}

/** From here on it has nobody who listens. */
function letGo(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  // it may have ended meanwhile
  if (child.connected) child.disconnect();
  child.unref();
}

/** Says to whoever has detached this process that it is ready. */
export function sayReady(facts: { readonly uris: readonly string[] }): void {
  process.send?.(facts);
}
