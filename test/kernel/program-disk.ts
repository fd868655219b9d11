import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, type Scratch } from '../device/scratch.js';
import { PROJECT } from '../support/project.js';

/**
 * The program inside the guest, where it sees the devices, holders and mappings of a real kernel: a disk with
 * Node, the libraries that it loads, and what of the project is needed to run.
 */

const SIZE = '256M';
const NEEDED = [
  ...['bin', 'dist/commands', 'dist/src', 'oclif.manifest.json', 'package.json'],
  ...['koffi', '@koromix', 'inquirer', 'crc'].map((name) => `node_modules/${name}`),
];

/** An image for `GuestJob.disks`, to be given as `,ro`. */
export function programDisk(scratch: Scratch): string {
  const root = scratch.folderAt('program');
  const copy = (from: string, to: string): void => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    cpSync(from, join(root, to), {
      recursive: true,
      dereference: true,
      filter: (file) => !file.endsWith('.map'),
    });
  };
  for (const folder of ['dev', 'proc', 'sys', 'tmp', 'job', 'out']) mkdirSync(join(root, folder));
  copy(process.execPath, 'node');
  for (const library of run('ldd', process.execPath).match(/\/\S+(?= \()/g) ?? []) copy(library, library);
  for (const one of NEEDED) copy(join(PROJECT, one), join('dmremap', one));
  const image = scratch.path('program.img');
  run('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, image, SIZE);
  return image;
}

/** Shell lines: from here on `dmremap` runs what is on this disk, in the guest's own folders. */
export function dmremapOn(disk: string): string {
  return `mkdir /program
mount -t ext4 -o ro ${disk} /program
for folder in dev proc sys tmp job out; do mount -o bind /$folder /program/$folder; done
dmremap() { chroot /program /node /dmremap/bin/run.js "$@"; }
`;
}
