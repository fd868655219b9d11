import { spawn } from 'node:child_process';

/** What a program said on standard output, and how it ended. */
export interface Told {
  readonly code: number;
  readonly output: string;
}

/**
 * Runs a program of the system that reads a device: in English, without input.
 *
 * Undefined if it could not be started, was killed, or is not back in time. Throws nothing.
 *
 * @param timeout milliseconds until it is given up; without it, it is waited for
 */
export function runTool(
  program: string,
  args: readonly string[],
  timeout?: number,
): Promise<Told | undefined> {
  return new Promise((done) => {
    const child = spawn(program, args, {
      env: { PATH: searchPath(), LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const giveUp = () => {
      // A process that waits for a dying disk outlives even SIGKILL: go on without it, and let this program
      // end without it.
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      done(undefined);
    };
    const timer = timeout === undefined ? undefined : setTimeout(giveUp, timeout);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', () => {
      clearTimeout(timer);
      done(undefined);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      done(code === null ? undefined : { code, output });
    });
  });
}

/** Users' paths often lack the folders of system programs. An empty part would mean the current folder. */
function searchPath(): string {
  const own = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [...own, '/usr/sbin', '/sbin'].join(':');
}
