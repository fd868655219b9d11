import { lstatSync, readlinkSync } from 'node:fs';
import { DmremapError } from '../errors.js';
import { errnoOf } from './file-device.js';
import { formatDeviceNumber, type Roots, statOf } from './sysfs.js';

/** What a failed look at, or opening of, `path` means to the user. */
export async function openFailure(
  path: string,
  exclusive: boolean,
  error: unknown,
  roots: Roots,
): Promise<DmremapError> {
  const errno = errnoOf(error);
  const details = { cause: error, data: { errno } };
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return missing(path, errno, error);
    case 'ENXIO':
    case 'ENODEV':
      return new DmremapError(
        'no-such-device',
        `${path}: there is no device behind this name (${errno})`,
        details,
      );
    case 'ENOMEDIUM':
      return new DmremapError('no-such-device', `${path}: no medium in the drive`, details);
    case 'EACCES':
    case 'EPERM':
      return new DmremapError(
        'permission',
        `${path}: not allowed to open it for ${exclusive ? 'reading and writing' : 'reading'} (${errno})`,
        { ...details, hint: permissionHint(path) },
      );
    case 'EROFS':
      return new DmremapError(
        'permission',
        `${path} cannot be written: it is on a read-only file system`,
        details,
      );
    case 'EBUSY':
    case 'ETXTBSY': {
      const [{ busy }, { holdersOf }] = await Promise.all([import('./claim.js'), import('./holders.js')]);
      const stats = statOf(path);
      if (stats === undefined) return missing(path, 'ENOENT', error);
      const deviceNumber = stats.isBlockDevice() ? formatDeviceNumber(stats.rdev) : undefined;
      return busy(
        path,
        holdersOf({ dev: stats.dev, ino: stats.ino, deviceNumber }, { roots, processes: true }),
      );
    }
    case 'ERR_INVALID_ARG_VALUE':
      return new DmremapError('usage', `${JSON.stringify(path)} is no file name`, { cause: error });
    default:
      return new DmremapError('io', `${path} cannot be opened: ${errno}`, details);
  }
}

function missing(path: string, errno: string, cause: unknown): DmremapError {
  const data = { errno };
  const target = danglingTarget(path);
  if (target !== undefined && errno === 'ENOENT') {
    return new DmremapError('no-such-device', `${path} is a link to ${target}, which does not exist`, {
      cause,
      data,
      hint: 'is the disk attached?',
    });
  }
  const why: { [errno: string]: string } = {
    ENOTDIR: 'a part of the path is not a folder',
    ELOOP: 'its links lead round in a circle',
    ENAMETOOLONG: 'the name is too long',
  };
  return new DmremapError('no-such-device', `${path}: ${why[errno] ?? 'no such file or device'}`, {
    cause,
    data,
    hint: 'lsblk lists the block devices',
  });
}

function danglingTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function permissionHint(path: string): string {
  const stats = statOf(path);
  if (stats === undefined) return 'a folder on the way to it may not be entered';
  if (stats.isBlockDevice()) return 'block devices want root, or membership of the group disk';
  return 'run it as the owner of the file, or as root';
}
