/** Who uses a device: to name the culprit when it cannot be opened exclusively, and to see a live server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileIdentity, type FileLock, lockOwners, locksIn, locksOn, locksPath } from './locks.js';
import { type Mount, mountPointsOf, mounts, swapPaths } from './mounts.js';
import { processesWithDevice, processName } from './processes.js';
import {
  type BlockNode,
  blockNode,
  blockNodeNamed,
  formatDeviceNumber,
  namesIn,
  partitionsOf,
  type Roots,
  readText,
  statOf,
  withRoots,
} from './sysfs.js';

export interface Holder {
  readonly kind:
    | 'mount'
    | 'partition-mounted'
    | 'swap'
    | 'dm'
    | 'md'
    | 'loop'
    | 'device'
    | 'lock'
    | 'process';
  /** A phrase that continues "in use: ", such as "mounted on /mnt" or "locked by process 1234 (dmremap serve)". */
  readonly name: string;
  /** Of device-mapper, where it carries the mark of our own tables: what dmsetup calls it. */
  readonly mapping?: string;
}

/** What is asked about: a FileDevice is one. */
export interface HeldFile extends FileIdentity {
  /** "MAJ:MIN" of a block device. */
  readonly deviceNumber?: string | undefined;
}

export interface HolderOptions {
  readonly roots?: Partial<Roots>;
  /** Also the processes that merely have the block device open: reads every process's descriptors. */
  readonly processes?: boolean;
  /** False: locks are not asked for. To name who has one takes looking at every process. */
  readonly locks?: boolean;
  /** "MAJ:MIN" of what may lie over the device: it is left out, with all that lies over it. */
  readonly except?: string | undefined;
}

/** What blockHolders is told on its way up. */
interface Ascent {
  readonly known: readonly Mount[];
  readonly roots: Roots;
  readonly seen: Set<string>;
  readonly except: string | undefined;
}

/**
 * All known users of a device or image: mounts and swap on it, on its partitions and on whatever is stacked on
 * it; device-mapper, md and loop devices over it; locks. What lives in another container stays unseen.
 */
export function holdersOf(file: HeldFile, options: HolderOptions = {}): Holder[] {
  const roots = withRoots(options.roots);
  const found: Holder[] = [];
  if (file.deviceNumber === undefined) {
    found.push(...swapHolders((stats) => stats.dev === file.dev && stats.ino === file.ino, roots));
  } else {
    const node = blockNode(file.deviceNumber, roots);
    const known = mounts(roots);
    if (node !== undefined)
      found.push(...blockHolders(node, { known, roots, seen: new Set(), except: options.except }));
    else found.push(...directHolders(file.deviceNumber, '', known, roots));
  }
  found.push(...loopHolders(file, roots));
  if (options.locks !== false) found.push(...lockHolders(file, roots));
  if (options.processes === true && found.length === 0 && file.deviceNumber !== undefined) {
    found.push(...processHolders(file.deviceNumber, roots));
  }
  return found.filter((one, at) => found.findIndex(({ name }) => name === one.name) === at);
}

/** Whether the one block device is part of the other, which then has the claim on it; both as "MAJ:MIN". */
export function isHeldBy(deviceNumber: string, holder: string, roots: Roots): boolean {
  const node = blockNode(deviceNumber, roots);
  const names = node === undefined ? [] : namesIn(join(node.folder, 'holders'));
  return names.some((name) => blockNodeNamed(name, roots)?.number === holder);
}

/** Locks on the file or device node that mean a use of it. */
export function lockHolders(file: HeldFile, roots: Roots): Holder[] {
  return locksOn(file, roots)
    .filter((lock) => !isGlance(lock, file))
    .flatMap((lock) => ownersOf(lock, roots));
}

/** udev takes a shared flock on a block device whenever it looks at it; that is no use of it. */
export function isGlance(lock: FileLock, file: HeldFile): boolean {
  return lock.kind === 'FLOCK' && lock.access === 'READ' && file.deviceNumber !== undefined;
}

/** Who has a lock; never empty. */
export function ownersOf(lock: FileLock, roots: Roots): Holder[] {
  const pids = lockOwners(lock, roots);
  if (pids.length === 0) return [{ kind: 'lock', name: 'locked by a process that cannot be seen from here' }];
  return pids.map((pid) => ({ kind: 'lock', name: `locked by ${processName(pid, roots)}` }));
}

/**
 * The live server or writer of this program that has the device: somebody with an OFD write lock over the
 * whole of it (on a loop device, or on the image behind it). One small file is read, and more only on a hit;
 * as the kernel takes its time for that file, it is worth doing beside other reads.
 */
export async function liveHolder(
  file: HeldFile,
  options: { readonly roots?: Partial<Roots> } = {},
): Promise<Holder | undefined> {
  const roots = withRoots(options.roots);
  const text = await readFile(locksPath(roots), 'utf8').catch(() => '');
  const behind = file.deviceNumber === undefined ? undefined : backingFile(file.deviceNumber, roots);
  for (const candidate of behind === undefined ? [file] : [file, behind]) {
    for (const lock of locksIn(text, candidate, roots)) {
      if (lock.kind !== 'OFDLCK' || lock.access !== 'WRITE' || !lock.whole) continue;
      return ownersOf(lock, roots)[0];
    }
  }
  return undefined;
}

/** The image behind a loop device, undefined for every other device or where its path is no longer right. */
export function backingFile(
  deviceNumber: string,
  roots: Roots,
): (FileIdentity & { path: string }) | undefined {
  const path = readText(join(roots.sysfs, 'dev/block', deviceNumber, 'loop/backing_file'));
  const stats = path === undefined ? undefined : statOf(path);
  return path === undefined || stats === undefined ? undefined : { path, dev: stats.dev, ino: stats.ino };
}

/** Loop devices over an image, or over a block device, its partitions or its disk: the kernel counts those as no use. */
export function loopHolders(file: HeldFile, roots: Roots): Holder[] {
  const numbers = file.deviceNumber === undefined ? [] : family(file.deviceNumber, roots);
  const holders: Holder[] = [];
  for (const name of namesIn(join(roots.sysfs, 'block'))) {
    if (!name.startsWith('loop')) continue;
    const path = readText(join(roots.sysfs, 'block', name, 'loop/backing_file'));
    const stats = path === undefined ? undefined : statOf(path);
    if (stats === undefined) continue;
    const same = stats.isBlockDevice()
      ? numbers.includes(formatDeviceNumber(stats.rdev))
      : file.deviceNumber === undefined && stats.dev === file.dev && stats.ino === file.ino;
    if (same) holders.push({ kind: 'loop', name: `attached to ${join(roots.dev, name)}` });
  }
  return holders;
}

/** The numbers of a device, of its partitions and of its disk. */
function family(deviceNumber: string, roots: Roots): string[] {
  const node = blockNode(deviceNumber, roots);
  const parts = node === undefined ? [] : partitionsOf(node).map(({ number }) => number);
  const disk = node?.partition === undefined ? undefined : readText(join(node.disk, 'dev'));
  return [deviceNumber, ...parts, ...(disk === undefined ? [] : [disk])];
}

function swapHolders(
  same: (stats: { dev: bigint; ino: bigint; rdev: bigint }) => boolean,
  roots: Roots,
): Holder[] {
  const used = swapPaths(roots).some((path) => {
    const stats = statOf(path);
    return stats !== undefined && same(stats);
  });
  return used ? [{ kind: 'swap', name: 'used as swap' }] : [];
}

/** Mounts and swap on this very device; `on` says which one, where it is not the one asked about. */
function directHolders(number: string, on: string, known: readonly Mount[], roots: Roots): Holder[] {
  const kind = on.startsWith('partition ') ? 'partition-mounted' : 'mount';
  const prefix = on === '' ? '' : `${on} `;
  return [
    ...mountPointsOf(number, known, roots).map((at): Holder => ({ kind, name: `${prefix}mounted on ${at}` })),
    ...swapHolders((stats) => stats.rdev !== 0n && formatDeviceNumber(stats.rdev) === number, roots).map(
      ({ name }): Holder => ({ kind: 'swap', name: `${prefix}${name}` }),
    ),
  ];
}

/** A device's own users, those of its partitions, and those of what is stacked on either. */
function blockHolders(node: BlockNode, ascent: Ascent, on = ''): Holder[] {
  const { known, roots, seen, except } = ascent;
  if (seen.has(node.number)) return [];
  seen.add(node.number);
  const found = directHolders(node.number, on, known, roots);
  // A partition cannot be had while its whole disk is held, by multipath for instance.
  const folders = node.partition === undefined || on !== '' ? [node.folder] : [node.folder, node.disk];
  for (const name of folders.flatMap((folder) => namesIn(join(folder, 'holders')))) {
    const above = blockNodeNamed(name, roots);
    if (above !== undefined && above.number === except) continue;
    const title = above === undefined ? undefined : readText(join(above.folder, 'dm/name'));
    const label = title === undefined ? name : `${name} (${title})`;
    const kind = name.startsWith('dm-') ? 'dm' : /^md[\d_]/.test(name) ? 'md' : 'device';
    const isOurs = above !== undefined && readText(join(above.folder, 'dm/uuid'))?.startsWith('DMREMAP-');
    found.push({
      kind,
      name: `${on === '' ? '' : `${on} `}part of ${label}`,
      ...(isOurs && title !== undefined ? { mapping: title } : {}),
    });
    if (above !== undefined) found.push(...blockHolders(above, ascent, label));
  }
  for (const part of partitionsOf(node)) {
    found.push(...blockHolders(part, ascent, `partition ${part.name}`));
  }
  return found;
}

function processHolders(deviceNumber: string, roots: Roots): Holder[] {
  return processesWithDevice(family(deviceNumber, roots), roots).map((pid) => ({
    kind: 'process',
    name: `open in ${processName(pid, roots)}`,
  }));
}
