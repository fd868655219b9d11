import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { PROJECT } from '../support/project.js';

/** A script run as root under a real kernel, by vm.sh beside this file's source. */

export interface GuestJob {
  /** Where the script and what belongs to it may be written. */
  readonly folder: string;
  readonly script: string;
  /** Raw images, written in place: /dev/vda, /dev/vdb and so on. */
  readonly disks: readonly string[];
  /** Found by the script as /job/NAME. */
  readonly files: readonly string[];
  /** Where the files go that the script leaves in /out. */
  readonly out?: string;
  /** The script finds what listens on this port of 127.0.0.1 as $NBD_HOST and $NBD_PORT. */
  readonly port?: number;
  /** Told of every line as the script prints it. */
  readonly onLine?: (line: string) => void;
}

export interface GuestResult {
  readonly code: number;
  readonly output: string;
  /** What vm.sh said: how long the guest took, or its console if it died. */
  readonly remarks: string;
}

const TIMEOUT_S = 240;
/** For a test that runs a guest. */
export const GUEST_TIME = { timeoutMs: 300_000 };

/** The guest's name for the disk at this place in the list. */
export function guestDisk(index: number): string {
  return `/dev/vd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

/** The guest's name for one of the files. */
export function guestFile(path: string): string {
  return `/job/${basename(path)}`;
}

export async function runGuest(job: GuestJob): Promise<GuestResult> {
  const script = join(job.folder, 'job.sh');
  writeFileSync(script, job.script);
  const args = [
    ...['--guest-script', script, '--timeout', String(TIMEOUT_S)],
    ...job.disks.flatMap((disk) => ['--disk', disk]),
    ...job.files.flatMap((file) => ['--file', file]),
    ...(job.out === undefined ? [] : ['--out', job.out]),
    ...(job.port === undefined ? [] : ['--nbd-port', String(job.port)]),
  ];
  const child = spawn(join(PROJECT, 'test', 'kernel', 'vm.sh'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('close', done);
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    job.onLine?.(line);
  });
  const [code, remarks] = await Promise.all([ended, text(child.stderr)]);
  if (code === null) throw new Error('vm.sh was killed');
  return { code, output: lines.join('\n'), remarks };
}

/** What the guest printed after these words. */
export function said(guest: GuestResult, words: string): string | undefined {
  const line = guest.output.split('\n').find((one) => one.startsWith(`${words} `));
  return line?.slice(words.length + 1);
}
