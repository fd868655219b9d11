/**
 * What the kernel says of block devices in /sys. Small synchronous reads on purpose: they never wait for the
 * disk itself, while asynchronous ones would queue behind reads of dying disks in the thread pool.
 */
import { type BigIntStats, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where the kernel's and udev's trees are mounted; tests give made-up ones. */
export interface Roots {
  readonly sysfs: string;
  readonly dev: string;
  readonly proc: string;
  readonly udev: string;
}

export const SYSTEM_ROOTS: Roots = { sysfs: '/sys', dev: '/dev', proc: '/proc', udev: '/run/udev' };

export function withRoots(roots: Partial<Roots> = {}): Roots {
  return { ...SYSTEM_ROOTS, ...roots };
}

/** "MAJ:MIN" of a device number as stat gives it (the C library's 64-bit encoding). */
export function formatDeviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/** A file's content without the padding around it, undefined if it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A file's bytes, undefined if it cannot be read. */
export function readBytes(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** A file that holds one whole number, undefined if it does not or cannot be read. */
export function readNumber(path: string): number | undefined {
  const text = readText(path);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** What a path leads to, undefined where that cannot be seen. */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

/** A path without any link in it, undefined if it leads nowhere. */
export function realFolder(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Names in a folder in a stable order; none if it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** KEY=value lines, as in uevent files. */
export function readKeys(path: string): Map<string, string> {
  const keys = new Map<string, string>();
  for (const line of (readText(path) ?? '').split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) keys.set(line.slice(0, at), line.slice(at + 1));
  }
  return keys;
}

/** One block device's folder in sysfs: a whole disk or a partition. */
export interface BlockNode {
  /** Kernel name, such as sda1; `!` where the node's name has a slash. */
  readonly name: string;
  /** "MAJ:MIN". */
  readonly number: string;
  /** The real folder, with no link in its path. */
  readonly folder: string;
  /** The partition's number, undefined for a whole disk. */
  readonly partition: number | undefined;
  /** The folder of the whole disk: of itself, or of the partition's parent. */
  readonly disk: string;
}

/** The block device in this sysfs folder, undefined if it is none. */
export function blockNodeIn(folder: string): BlockNode | undefined {
  const number = readText(join(folder, 'dev'));
  const real = realFolder(folder);
  if (number === undefined || real === undefined) return undefined;
  const partition = readNumber(join(real, 'partition'));
  return {
    name: basename(real),
    number,
    folder: real,
    partition,
    disk: partition === undefined ? real : dirname(real),
  };
}

/** The block device with this "MAJ:MIN", undefined where sysfs does not know it. */
export function blockNode(number: string, roots: Roots = SYSTEM_ROOTS): BlockNode | undefined {
  return blockNodeIn(join(roots.sysfs, 'dev/block', number));
}

/** The block device with this kernel name (sda, sda1, dm-0), undefined if there is none. */
export function blockNodeNamed(name: string, roots: Roots = SYSTEM_ROOTS): BlockNode | undefined {
  return blockNodeIn(join(roots.sysfs, 'class/block', name)) ?? blockNodeIn(join(roots.sysfs, 'block', name));
}

/** Partitions of a whole disk, by name. */
export function partitionsOf(node: BlockNode): BlockNode[] {
  if (node.partition !== undefined) return [];
  return namesIn(node.folder)
    .filter((name) => name.startsWith(node.name))
    .flatMap((name) => blockNodeIn(join(node.folder, name)) ?? [])
    .filter((child) => child.partition !== undefined);
}

/** The device's node below the dev root, under the kernel's name for it: /dev/sda1. */
export function nodePath(node: BlockNode, roots: Roots = SYSTEM_ROOTS): string {
  const name = readKeys(join(node.folder, 'uevent')).get('DEVNAME') ?? node.name.replaceAll('!', '/');
  return join(roots.dev, name);
}

/** What a block device's folder says of its shape. */
export interface BlockFacts {
  /** 512-byte sectors, whatever the logical block size; 0 without a medium. */
  readonly sectors: number | undefined;
  /** Bytes, as the kernel says; undefined if it does not. */
  readonly logicalBlockSize: number | undefined;
  readonly physicalBlockSize: number | undefined;
  readonly rotational: boolean | undefined;
  readonly readOnly: boolean;
  /** A device-mapper device on which requests wait until it is resumed. */
  readonly suspended: boolean;
}

/** A partition has its own size and read-only flag, and its disk's block sizes. */
export function blockFacts(node: BlockNode): BlockFacts {
  const queue = join(node.disk, 'queue');
  const rotational = readNumber(join(queue, 'rotational'));
  return {
    sectors: readNumber(join(node.folder, 'size')),
    logicalBlockSize: readNumber(join(queue, 'logical_block_size')),
    physicalBlockSize: readNumber(join(queue, 'physical_block_size')),
    rotational: rotational === undefined ? undefined : rotational !== 0,
    readOnly: readNumber(join(node.folder, 'ro')) === 1 || readNumber(join(node.disk, 'ro')) === 1,
    suspended: readNumber(join(node.disk, 'dm/suspended')) === 1,
  };
}
