import { type ChildProcess, spawn } from 'node:child_process';

/** What a program said on standard output, and how it ended. */
export interface Told {
  /** Undefined where it was not there, was killed, or was given up. */
  readonly code: number | undefined;
  readonly output: string;
  /** It could not be started, or was not back in time. */
  readonly failure?: 'missing' | 'late';
}

export interface ToolOptions {
  /** Milliseconds until it is given up; without it, it is waited for. */
  readonly timeout?: number | undefined;
  /** How its bytes become text, utf8 unless told. */
  readonly encoding?: 'utf8' | 'latin1' | undefined;
}

/** What is running: it would go on reading the device when this program has ended. */
const running = new Set<ChildProcess>();

/** Runs a program of the system that reads a device: in English, without input. Throws nothing. */
export function runTool(
  program: string,
  args: readonly string[],
  { timeout, encoding = 'utf8' }: ToolOptions = {},
): Promise<Told> {
  return new Promise((done) => {
    const child = spawn(program, args, {
      env: { PATH: searchPath(), LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (running.size === 0) process.on('exit', endTools);
    running.add(child);
    let output = '';
    const end = (told: Omit<Told, 'output'>) => {
      clearTimeout(timer);
      running.delete(child);
      if (running.size === 0) process.off('exit', endTools);
      done({ ...told, output });
    };
    const giveUp = () => {
      // A process that waits for a dying disk outlives even SIGKILL: go on without it, and let this program
      // end without it.
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      end({ code: undefined, failure: 'late' });
    };
    const timer = timeout === undefined ? undefined : setTimeout(giveUp, timeout);
    child.stdout.setEncoding(encoding).on('data', (text: string) => {
      output += text;
    });
    child.on('error', () => end({ code: undefined, failure: 'missing' }));
    child.on('close', (code) => end({ code: code ?? undefined }));
  });
}

/** Kills what `runTool` has started and not yet heard of. */
export function endTools(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Users' paths often lack the folders of system programs. An empty part would mean the current folder. */
function searchPath(): string {
  const own = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [...own, '/usr/sbin', '/sbin'].join(':');
}
