import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from '../device/scratch.js';
import { documentOf } from '../obligations/schemas.js';
import type { Workshop } from '../obligations/workshop.js';
import { assert } from '../support/harness.js';
import { layProgram } from './program-disk.js';

/**
 * The tree of an initramfs as initramfs-tools makes it, with what the hooks of `dmremap unit` put into it, and the
 * files of all boot formats below /boot-files: on a disk, since a guest has no room for Node in memory.
 */

export const TARGETS = ['linear', 'nbd'] as const;
export const FORMATS = ['initramfs-tools', 'systemd', 'dracut'] as const;
export type Target = (typeof TARGETS)[number];
export type Format = (typeof FORMATS)[number];

const SIZE = '320M';

export interface BootTree {
  /** For `GuestJob.disks`. */
  readonly image: string;
  /** Where the tree holds a boot file, by the end of its path. */
  readonly place: (target: Target, format: Format, end: string) => string;
  readonly content: (target: Target, format: Format, end: string) => string;
}

interface Kept {
  readonly place: string;
  readonly path: string;
  readonly content: string;
}

/** @param spare an image whose set is to be built */
export async function bootTree(shop: Workshop, spare: string): Promise<BootTree> {
  const root = shop.folderAt('tree');
  for (const folder of ['dev', 'proc', 'sys', 'run', 'job', 'mnt', 'tmp', 'boot-files'])
    mkdirSync(join(root, folder));
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', folder), { recursive: true });
    symlinkSync(join('usr', folder), join(root, folder));
  }
  const kept: Kept[] = [];
  for (const target of TARGETS)
    for (const format of FORMATS) {
      const ended = await shop.run(['unit', spare, '--for', target, '--format', format, '--json']);
      assert.is(ended.code, 0, ended.stderr);
      const files = documentOf(ended, 'unit')['files'] as unknown as readonly Kept[];
      for (const { path, content } of files) {
        const place = join('/boot-files', target, format, basename(dirname(path)), basename(path));
        mkdirSync(dirname(join(root, place)), { recursive: true });
        writeFileSync(join(root, place), content, { mode: 0o755 });
        kept.push({ place, path, content });
      }
    }
  const installed = installProgram(shop);
  for (const { place } of kept.filter(({ path }) => path.includes('/initramfs-tools/hooks/')))
    execFileSync(join(root, place), {
      env: { PATH: `${installed}:${process.env['PATH']}`, DESTDIR: root, version: 'none', verbose: 'n' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const image = shop.path('tree.img');
  run('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, image, SIZE);
  const find = (target: Target, format: Format, end: string): Kept => {
    const one = kept.find(
      ({ place }) => place.startsWith(`/boot-files/${target}/${format}/`) && place.includes(end),
    );
    assert.ok(one, `no ${end} for ${target}, ${format}`);
    return one;
  };
  return {
    image,
    place: (...which) => find(...which).place,
    content: (...which) => find(...which).content,
  };
}

/** A folder with the commands of the program, as npm installs them. */
function installProgram(shop: Workshop): string {
  const program = shop.folderAt('installed');
  layProgram(program);
  const folder = shop.folderAt('commands');
  for (const [command, file] of [
    ['dmremap', 'run.js'],
    ['fsck.dmremap3', 'fsck.dmremap3.js'],
  ] as const) {
    chmodSync(join(program, 'bin', file), 0o755);
    symlinkSync(join(program, 'bin', file), join(folder, command));
  }
  return folder;
}

/**
 * Shell lines that run /job/steps within the tree on this disk, with the shell and the kernel's modules that a
 * real initramfs has. Without udev the kernel's own nodes are there at once.
 */
export function stepsInTree(disk: string): string {
  return `mkdir /tree
mount -t ext4 ${disk} /tree
cp /bin/busybox /tree/usr/bin/busybox
chroot /tree /bin/busybox --install -s /usr/bin 2>/dev/null
printf '#!/bin/sh\\n' >/tree/usr/bin/udevadm
chmod 755 /tree/usr/bin/udevadm
mkdir -p /tree/usr/lib/modules
mount -o bind /lib/modules /tree/usr/lib/modules
for folder in dev proc sys run job; do mount -o bind /$folder /tree/$folder; done
chroot /tree /bin/env -i PATH=/sbin:/bin DM_DISABLE_UDEV=1 sh /job/steps
`;
}
