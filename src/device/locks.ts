/** Advisory locks of other processes, as /proc/locks shows them. */
import { join } from 'node:path';
import { openDescriptors } from './processes.js';
import { type Roots, readText, statOf } from './sysfs.js';

/** A file as the kernel's lock list names it. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** One line of /proc/locks. */
export interface FileLock {
  readonly kind: 'FLOCK' | 'POSIX' | 'OFDLCK' | 'LEASE' | string;
  readonly access: 'READ' | 'WRITE' | string;
  /** The process that took it, undefined for OFD locks. */
  readonly pid: number | undefined;
  /** "MAJ:MIN:INODE" as the kernel prints it, device in hexadecimal. */
  readonly file: string;
  /** It reaches from the first byte to whatever the end is. */
  readonly whole: boolean;
}

// 1: OFDLCK ADVISORY  WRITE -1 fe:00:2154616 0 EOF; a lock that waits has "->" after the number
const LINE = /^\d+: (\S+)\s+\S+\s+(\S+)\s+(-?\d+) ([0-9a-f]+:[0-9a-f]+:\d+) (\d+) (\d+|EOF)/;

/** Locks in the text of /proc/locks, or in the "lock:" lines of a fdinfo file; waiting ones are left out. */
export function parseLocks(text: string): FileLock[] {
  const locks: FileLock[] = [];
  for (const line of text.split('\n')) {
    const found = LINE.exec(line.startsWith('lock:') ? line.slice(5).trim() : line);
    if (found === null) continue;
    const [, kind = '', access = '', pid = '', file = '', start = '', end = ''] = found;
    locks.push({
      kind,
      access,
      pid: Number(pid) > 0 ? Number(pid) : undefined,
      file,
      whole: start === '0' && end === 'EOF',
    });
  }
  return locks;
}

/** Locks on a file or device node. */
export function locksOn(file: FileIdentity, roots: Roots): FileLock[] {
  const read = (): FileLock[] => locksIn(readText(locksPath(roots)) ?? '', file, roots);
  const found = read();
  if (found.length === 0) return found;
  // Where its process has ended meanwhile, nobody could tell on which of two like files a lock was: it is gone now.
  const still = new Set(read().map(asLine));
  return found.filter((lock) => still.has(asLine(lock)));
}

function asLine({ kind, access, pid, file }: FileLock): string {
  return [kind, access, pid, file].join(' ');
}

/** The kernel's list of all locks: a small file, but one that the kernel may take 10 ms to write down. */
export function locksPath(roots: Roots): string {
  return join(roots.proc, 'locks');
}

/**
 * Locks on a file or device node in the text of /proc/locks. That names the device that a file system lies on,
 * which is not always the one that stat names (btrfs, overlays): where only the inode fits, descriptors decide.
 */
export function locksIn(text: string, file: FileIdentity, roots: Roots): FileLock[] {
  const exact = kernelName(file);
  return parseLocks(text).filter((lock) => {
    if (lock.file === exact) return true;
    if (!lock.file.endsWith(`:${file.ino}`)) return false;
    const descriptors = [...descriptorsWith(lock, roots)];
    // Another user's descriptors are hidden; then two made-up device numbers (major 0) are taken for the same.
    if (descriptors.length === 0) return lock.file.startsWith('00:') && exact.startsWith('00:');
    return descriptors.some(({ link }) => isFile(link, file));
  });
}

/**
 * The processes that hold a lock, as far as this user may see: several can share the descriptor. A flock belongs
 * to the descriptor too, so the process that took it (flock(1), say) may be gone while its heirs live.
 */
export function lockOwners(lock: FileLock, roots: Roots): number[] {
  if (lock.kind === 'POSIX' && lock.pid !== undefined) return [lock.pid];
  const seen = [...new Set([...descriptorsWith(lock, roots)].map(({ pid }) => pid))];
  return seen.length > 0 || lock.pid === undefined ? seen : [lock.pid];
}

/** Whether this very process has the lock, perhaps inherited: `flock IMAGE dmremap …`. */
export function isOwnLock(lock: FileLock, roots: Roots): boolean {
  if (lock.pid === process.pid) return true;
  return [...descriptorsWith(lock, roots, process.pid)].length > 0;
}

function* descriptorsWith(
  lock: FileLock,
  roots: Roots,
  pid?: number,
): Generator<{ pid: number; link: string }> {
  for (const descriptor of openDescriptors(roots, pid)) {
    if (!descriptor.info.includes('lock:')) continue;
    const same = parseLocks(descriptor.info).some(
      (other) => other.file === lock.file && other.kind === lock.kind && other.access === lock.access,
    );
    if (same) yield descriptor;
  }
}

/** MAJ:MIN:INODE as in /proc/locks. Kernel minors have 20 bits, as has this encoding up to 12 bits of major. */
function kernelName({ dev, ino }: FileIdentity): string {
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  const hex = (value: bigint): string => value.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}:${ino}`;
}

function isFile(path: string, file: FileIdentity): boolean {
  const stats = statOf(path);
  return stats !== undefined && stats.dev === file.dev && stats.ino === file.ino;
}
