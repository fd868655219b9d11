/** What is mounted and swapped on, from /proc. */
import { join } from 'node:path';
import { formatDeviceNumber, type Roots, readText, statOf } from './sysfs.js';

export interface Mount {
  /** "MAJ:MIN" of the file system; a made-up one with major 0 for btrfs and all that have several devices or none. */
  readonly number: string;
  readonly point: string;
  /** What was mounted, such as /dev/sda1. */
  readonly source: string;
}

/** A line has an unknown number of optional fields in its middle, up to a lone dash. */
export function mounts(roots: Roots): Mount[] {
  const found: Mount[] = [];
  for (const line of (readText(join(roots.proc, 'self/mountinfo')) ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , number, , point] = before.split(' ');
    const [, source] = after.split(' ');
    if (number === undefined || point === undefined) continue;
    found.push({ number, point: unescapeSpace(point), source: unescapeSpace(source ?? '') });
  }
  return found;
}

/** Where a block device ("MAJ:MIN") is mounted. */
export function mountPointsOf(deviceNumber: string, all: readonly Mount[], roots: Roots): string[] {
  return all
    .filter(({ number, source }) => {
      if (number === deviceNumber) return true;
      return number.startsWith('0:') && blockNumberOf(source, roots) === deviceNumber;
    })
    .map(({ point }) => point);
}

/** The "MAJ:MIN" of a device node below /dev; other paths are not asked: a dead network mount would not answer. */
export function blockNumberOf(path: string, roots: Roots): string | undefined {
  if (!path.startsWith(`${roots.dev}/`)) return undefined;
  const stats = statOf(path);
  return stats?.isBlockDevice() === true ? formatDeviceNumber(stats.rdev) : undefined;
}

/** Paths of swap devices and swap files in use. */
export function swapPaths(roots: Roots): string[] {
  const lines = (readText(join(roots.proc, 'swaps')) ?? '').split('\n').slice(1);
  return lines.map((line) => unescapeSpace(line.split(/\s/, 1)[0] ?? '')).filter((path) => path !== '');
}

/** Spaces only: other escapes stand for what could break lines or terminals. */
function unescapeSpace(text: string): string {
  return text.replaceAll('\\040', ' ');
}
