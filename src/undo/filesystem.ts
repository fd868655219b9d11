/** What a folder lies on, down to the disks: through overlays, btrfs, device-mapper and loop devices. */
import { dirname, join } from 'node:path';
import { backingFile } from '../device/holders.js';
import { blockNumberOf } from '../device/mounts.js';
import type { Medium } from '../device/same-medium.js';
import {
  type BlockNode,
  blockNode,
  blockNodeIn,
  blockNodeNamed,
  formatDeviceNumber,
  namesIn,
  type Roots,
  readText,
  realFolder,
  statOf,
} from '../device/sysfs.js';

export interface Ground {
  /** Block devices that hold the folder's file system, and those that hold the images behind them. */
  readonly media: readonly Medium[];
  /** Why what is written there may be gone after a restart; undefined if nothing says so. */
  readonly fleeting: string | undefined;
}

interface MountedHere {
  readonly number: string;
  readonly point: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const IN_MEMORY: readonly string[] = ['tmpfs', 'ramfs', 'devtmpfs', 'rootfs'];

/** Images in file systems in images: nobody goes deeper on purpose. */
const DEEPEST = 8;

/** What a folder that exists lies on. File systems with no block device of their own (NFS, say) add nothing. */
export function groundOf(folder: string, roots: Roots): Ground {
  const search = new Search(roots);
  search.addFolder(folder, 0);
  return { media: [...search.media.values()], fleeting: search.fleeting };
}

class Search {
  readonly media = new Map<string, Medium>();
  fleeting: string | undefined;
  private readonly roots: Roots;
  private readonly mounted: readonly MountedHere[];

  constructor(roots: Roots) {
    this.roots = roots;
    this.mounted = readMounts(roots);
  }

  addFolder(folder: string, depth: number): void {
    const stats = statOf(folder);
    if (stats === undefined || depth > DEEPEST) return;
    const number = formatDeviceNumber(stats.dev);
    const real = realFolder(folder) ?? folder;
    const mount = this.mountOf(real, number);
    if (mount !== undefined && IN_MEMORY.includes(mount.type))
      this.fleeting ??= `${folder} lies in memory (${mount.type}): it is gone after a restart`;
    if (!number.startsWith('0:')) this.addDevice(number, depth);
    else if (mount?.type === 'overlay') this.addOverlay(folder, mount, depth);
    else if (mount !== undefined) this.addSource(mount, depth);
  }

  /** Only the upper layer of an overlay is written. */
  private addOverlay(folder: string, mount: MountedHere, depth: number): void {
    const upper = mount.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length);
    if (upper !== undefined && statOf(upper) !== undefined) this.addFolder(upper, depth + 1);
    // Live systems and containers keep it where programs inside do not see it.
    else
      this.fleeting ??= `${folder} lies on an overlay whose upper layer cannot be seen from here: it may be gone after a restart`;
  }

  /** File systems with a made-up device number: btrfs and others name a device, or several with colons. */
  private addSource({ source, type }: MountedHere, depth: number): void {
    for (const path of source.split(':')) {
      const number = blockNumberOf(path, this.roots);
      if (number !== undefined) this.addDevice(number, depth);
      if (number === undefined || type !== 'btrfs') continue;
      for (const member of btrfsMembers(number, this.roots)) this.addDevice(member, depth);
    }
    // ecryptfs and its like lie on another folder
    if (source.startsWith('/') && !source.startsWith(`${this.roots.dev}/`)) this.addFolder(source, depth + 1);
  }

  private addDevice(deviceNumber: string, depth: number): void {
    if (this.media.has(deviceNumber)) return;
    this.media.set(deviceNumber, { realPath: '', deviceNumber, dev: 0n, ino: 0n });
    const node = blockNode(deviceNumber, this.roots);
    if (node === undefined) return;
    for (const below of nodesBelow(node, this.roots)) {
      if (/^z?ram\d/.test(below.name))
        this.fleeting ??= `${below.name} is memory: it is gone after a restart`;
      const image = backingFile(below.number, this.roots);
      const number = image === undefined ? undefined : blockNumberOf(image.path, this.roots);
      if (number !== undefined) this.addDevice(number, depth);
      else if (image !== undefined) this.addFolder(dirname(image.path), depth + 1);
    }
  }

  /** The mount that a path lies in: by number, or for btrfs, whose subvolumes have their own, by the path. */
  private mountOf(real: string, number: string): MountedHere | undefined {
    const above = this.mounted
      .filter(({ point }) => real === point || real.startsWith(point === '/' ? '/' : `${point}/`))
      // of mounts on one point the last one is on top; sorting keeps their order
      .reverse()
      .sort((a, b) => b.point.length - a.point.length);
    return (
      above.find((mount) => mount.number === number) ??
      this.mounted.find((mount) => mount.number === number) ??
      above.find(({ number: made }) => made.startsWith('0:'))
    );
  }
}

/** The device and all that it is made of, whole disks of partitions too. */
function nodesBelow(node: BlockNode, roots: Roots, seen = new Set<string>()): BlockNode[] {
  if (seen.has(node.number)) return [];
  seen.add(node.number);
  const disk = node.partition === undefined ? undefined : blockNodeIn(node.disk);
  const slaves = namesIn(join(node.folder, 'slaves')).flatMap((name) => blockNodeNamed(name, roots) ?? []);
  const below = disk === undefined ? slaves : [disk, ...slaves];
  return [node, ...below.flatMap((one) => nodesBelow(one, roots, seen))];
}

/** All devices of the btrfs that this one belongs to; the mount names only one of them. */
function btrfsMembers(number: string, roots: Roots): string[] {
  const name = blockNode(number, roots)?.name;
  const all = join(roots.sysfs, 'fs/btrfs');
  for (const uuid of namesIn(all)) {
    const names = namesIn(join(all, uuid, 'devices'));
    if (name !== undefined && names.includes(name))
      return names.flatMap((member) => blockNodeNamed(member, roots)?.number ?? []);
  }
  return [];
}

/** Lines of mountinfo: an unknown number of optional fields in the middle, up to a lone dash. */
function readMounts(roots: Roots): MountedHere[] {
  const found: MountedHere[] = [];
  for (const line of (readText(join(roots.proc, 'self/mountinfo')) ?? '').split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , number, , point] = before.split(' ');
    const [type, source, options] = after.split(' ');
    if (number === undefined || point === undefined || type === undefined) continue;
    found.push({
      number,
      point: unescapeOctal(point),
      type,
      source: unescapeOctal(source ?? ''),
      options: (options ?? '').split(',').map(unescapeOctal),
    });
  }
  return found;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
