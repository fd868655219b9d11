import type { BootFile, BootSet, Target } from './boot-file.js';
import { dracutFiles } from './dracut.js';
import { initramfsToolsFiles } from './initramfs-tools.js';
import { systemdFiles } from './systemd.js';

export const BOOT_FORMATS = ['systemd', 'initramfs-tools', 'dracut'] as const;
export type BootFormat = (typeof BOOT_FORMATS)[number];

/**
 * The files that check a set and build its remapped device at boot. They hold the set's identity, no name that
 * a kernel gives to a disk, and no table.
 */
export function bootFiles(set: BootSet, target: Target, format: BootFormat): BootFile[] {
  const make = { systemd: systemdFiles, 'initramfs-tools': initramfsToolsFiles, dracut: dracutFiles };
  return make[format](set, target);
}
