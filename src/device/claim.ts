import { DmremapError } from '../errors.js';
import {
  backingFile,
  type HeldFile,
  type Holder,
  holdersOf,
  isGlance,
  lockHolders,
  loopHolders,
  ownersOf,
} from './holders.js';
import { type FileLock, isOwnLock, locksOn } from './locks.js';
import { lockWhole } from './syscalls.js';
import type { Roots } from './sysfs.js';

interface Claimed extends HeldFile {
  readonly path: string;
}

/**
 * Makes an opened device ours: takes the lock over the whole of it and throws 'busy' where anybody else uses
 * it. Returns why others cannot see a lock, undefined when they can. Closing `fd` gives everything back.
 *
 * @param below "MAJ:MIN" of what lies over a block device that was opened without O_EXCL
 */
export function claim(fd: number, device: Claimed, roots: Roots, below?: string): string | undefined {
  const lock = lockWhole(fd);
  if (lock.kind === 'conflict') throw busy(device.path, lockHolders(device, roots));
  const others = locksOn(device, roots).filter((other) =>
    isInTheWay(other, device, lock.kind === 'held', roots),
  );
  const holders: Holder[] = others.flatMap((other) => ownersOf(other, roots));
  // O_EXCL has kept out all others that use a block device.
  if (device.deviceNumber === undefined || below !== undefined)
    holders.push(...usersBeside(device, below, roots));
  else holders.push(...loopHolders(device, roots));
  if (device.deviceNumber !== undefined) {
    // A server of the image behind a loop device does not know of the loop device.
    const behind = backingFile(device.deviceNumber, roots);
    if (behind !== undefined) {
      const found = lockHolders(behind, roots).map((holder) => ({
        ...holder,
        name: `${behind.path} ${holder.name}`,
      }));
      holders.push(...found);
    }
  }
  if (holders.length > 0) throw busy(device.path, holders);
  return lock.kind === 'held' ? undefined : lock.why;
}

/**
 * Who uses a device that is ours, beside what lies over it: no locks, which claim() looks at.
 *
 * @param except "MAJ:MIN"
 */
export function usersBeside(device: HeldFile, except: string | undefined, roots: Roots): Holder[] {
  return holdersOf(device, { roots, except, locks: false });
}

/** With our write lock held no other fcntl lock can exist, so such a line is our own; flock(2) goes its own way. */
function isInTheWay(lock: FileLock, device: Claimed, weHoldIt: boolean, roots: Roots): boolean {
  if (lock.kind !== 'FLOCK' && lock.kind !== 'POSIX' && lock.kind !== 'OFDLCK') return false;
  if (weHoldIt && lock.kind !== 'FLOCK') return false;
  return !isGlance(lock, device) && !isOwnLock(lock, roots);
}

/** The error for a device that others use; its holders stand in the message and in data.holders. */
export function busy(path: string, holders: readonly Holder[]): DmremapError {
  const names = holders.map(({ name }) => name).join(', ');
  const own = holders.find(({ mapping }) => mapping !== undefined)?.mapping;
  const below =
    own === undefined ? '' : `; below it: dmsetup suspend ${own}, then dmremap remap --held-by ${own}`;
  return new DmremapError(
    'busy',
    `${path} is in use: ${names === '' ? 'by whom cannot be seen from here' : names}`,
    {
      hint:
        names === ''
          ? 'perhaps a container, or the kernel itself: lsblk, fuser -v and dmsetup ls may know more'
          : `unmount, detach or stop what uses it, then try again${below}`,
      data: { holders: holders.map(({ kind, name }) => ({ kind, name })) },
    },
  );
}
