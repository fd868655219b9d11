import { spawn } from 'node:child_process';

/** How a program went that was started to go on by itself. */
export interface Detached {
  /** Its first line on standard output, by which it says that it is ready; undefined where it ended before. */
  readonly ready: string | undefined;
  /** What it said on standard error until then. */
  readonly said: string;
  /** Where it ended. */
  readonly code: number;
}

/** Starts a program in a session of its own, and waits until it is ready or has ended. */
export function detach(command: readonly string[]): Promise<Detached> {
  const [program = '', ...words] = command;
  const child = spawn(program, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let [output, said] = ['', ''];
    child.once('error', reject);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const end = output.indexOf('\n');
      if (end < 0) return;
      // from here on it has nobody who listens
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ ready: output.slice(0, end), said, code: 0 });
    });
    child.once('close', (code) => resolve({ ready: undefined, said, code: code ?? 8 }));
  });
}
