import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run, type Scratch } from '../device/scratch.js';
import { PROJECT } from '../support/project.js';

/**
 * The program inside the guest, where it sees the devices, holders and mappings of a real kernel: a disk with
 * Node, the libraries that it loads, and the project with the packages that it needs.
 */

const SIZE = '256M';
const PACKAGE = ['bin', 'dist/commands', 'dist/src', 'oclif.manifest.json', 'package.json'];

/** The program as it is installed, with the packages that it needs, in this folder. */
export function layProgram(folder: string): void {
  const [, ...packages] = run('npm', '--prefix', PROJECT, 'ls', '--omit=dev', '--all', '--parseable')
    .trim()
    .split('\n');
  for (const one of [...PACKAGE, ...packages.map((path) => relative(PROJECT, path))])
    copy(join(PROJECT, one), join(folder, one));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true, filter: (file) => !file.endsWith('.map') });
}

/**
 * An image for `GuestJob.disks`, to be given as `,ro`.
 *
 * @param tools programs of this machine that ours runs
 */
export function programDisk(scratch: Scratch, ...tools: readonly string[]): string {
  const root = scratch.folderAt('program');
  for (const folder of ['dev', 'proc', 'sys', 'tmp', 'job', 'out']) mkdirSync(join(root, folder));
  copyExecutable(process.execPath, root, '/node');
  for (const tool of tools) copyExecutable(run('which', tool).trim(), root, join('/usr/sbin', tool));
  layProgram(join(root, 'dmremap'));
  const image = scratch.path('program.img');
  run('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, image, SIZE);
  return image;
}

function copyExecutable(file: string, root: string, as: string): void {
  copy(file, join(root, as));
  for (const library of run('ldd', file).match(/\/\S+(?= \()/g) ?? []) copy(library, join(root, library));
}

/** Shell lines: from here on `dmremap` runs what is on this disk, in the guest's own folders. */
export function dmremapOn(disk: string): string {
  return `mkdir /program
mount -t ext4 -o ro ${disk} /program
for folder in dev proc sys tmp job out; do mount -o bind /$folder /program/$folder; done
dmremap() { chroot /program /node /dmremap/bin/run.js "$@"; }
`;
}
