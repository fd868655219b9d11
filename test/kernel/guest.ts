import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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
}

export interface GuestResult {
  readonly code: number;
  readonly output: string;
  /** What vm.sh said: how long the guest took, or its console if it died. */
  readonly remarks: string;
}

const TIMEOUT_S = 240;

/** The guest's name for the disk at this place in the list. */
export function guestDisk(index: number): string {
  return `/dev/vd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

/** The guest's name for one of the files. */
export function guestFile(path: string): string {
  return `/job/${basename(path)}`;
}

export function runGuest(job: GuestJob): Promise<GuestResult> {
  const script = join(job.folder, 'job.sh');
  writeFileSync(script, job.script);
  const args = [
    ...['--guest-script', script, '--timeout', String(TIMEOUT_S)],
    ...job.disks.flatMap((disk) => ['--disk', disk]),
    ...job.files.flatMap((file) => ['--file', file]),
  ];
  return new Promise((done, failed) => {
    const program = join(PROJECT, 'test', 'kernel', 'vm.sh');
    execFile(program, args, { maxBuffer: 64 * 1024 * 1024 }, (error, output, remarks) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') done({ code, output, remarks });
      else failed(error);
    });
  });
}
