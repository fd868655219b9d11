import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { run, type Scratch, until } from './scratch.js';

/** What a test needs that serves a file (support/needs.ts). */
export const NBDFUSE_NEEDS = ['root', 'nbdkit', 'nbdfuse', '/dev/fuse'] as const;

/**
 * Serves an nbdkit as a file, which is mounted over a file of this name.
 *
 * @param server the words behind `nbdkit`
 */
export async function serveFile(
  scratch: Scratch,
  name: string,
  server: readonly string[],
  access: 'read' | 'write',
): Promise<string> {
  const path = scratch.path(name);
  writeFileSync(path, '');
  const ready = `${path}.ready`;
  const options = access === 'read' ? ['-r', '-P', ready] : ['-P', ready];
  // not in a pipe with us: it says a word on every error
  const child = spawn('nbdfuse', [...options, path, '[', 'nbdkit', '--exit-with-parent', ...server, ']'], {
    stdio: 'ignore',
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`nbdfuse ended with ${code} before it was ready`)));
  });
  scratch.atEnd(() => {
    // -l: what was closed a moment ago may still be busy, and a request that hangs is not waited for
    run('umount', '-l', path);
    child.kill('SIGKILL');
  });
  await Promise.race([until(() => existsSync(ready), 'nbdfuse'), ended]);
  ended.catch(() => {});
  return path;
}
