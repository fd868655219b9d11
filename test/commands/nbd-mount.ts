import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { run, type Scratch, until } from '../device/scratch.js';

/** A remote device as a file of this system. */
export interface MountedUri {
  readonly path: string;
  /** Lets it go; all that was written to it has reached the server. */
  unmount(): Promise<void>;
}

let mounts = 0;

/** Shows the export of a URI as a file, by nbdfuse: an NBD client that Linux can use like a disk. */
export async function mountUri(scratch: Scratch, uri: string): Promise<MountedUri> {
  const path = scratch.path(`nbd-${++mounts}`);
  const ready = `${path}.ready`;
  writeFileSync(path, '');
  const child = spawn('nbdfuse', ['-P', ready, path, uri], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  scratch.atEnd(() => {
    if (readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)) run('umount', '-l', path);
    child.kill('SIGKILL');
  });
  await until(() => existsSync(ready) || child.exitCode !== null, 'nbdfuse');
  if (child.exitCode !== null) throw new Error(`nbdfuse ended with ${child.exitCode} before it was ready`);
  return {
    path,
    unmount: async () => {
      run('umount', path);
      await ended;
    },
  };
}
