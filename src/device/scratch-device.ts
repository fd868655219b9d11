import { bytes } from '../units.js';
import type { BlockDevice } from './block-device.js';
import { FileDevice, type OpenFile } from './file-device.js';

/** Device number and inode number of what no file system knows: each its own. */
let made = 0n;

/**
 * A device of any kind as operations hold one that they have opened: a scratch copy in memory, a stack of filters.
 * It is writable; closing it leaves `device` open.
 */
export function asOpened(path: string, device: BlockDevice): FileDevice {
  const { size, logicalBlockSize, physicalBlockSize } = device;
  return new FileDevice(fileOver(device), {
    path,
    realPath: path,
    kind: 'image',
    deviceNumber: undefined,
    dev: 0n,
    ino: --made,
    size,
    logicalBlockSize,
    physicalBlockSize,
    rotational: undefined,
    writable: true,
    unlocked: undefined,
  });
}

/** Closing it leaves `device` open. */
export function fileOver(device: BlockDevice): OpenFile {
  return {
    fd: undefined,
    read: async (into, from, length, at) => {
      await device.read(bytes(at), into.subarray(from, from + length));
      return { bytesRead: length };
    },
    write: async (content, from, length, at) => {
      await device.write(bytes(at), content.subarray(from, from + length));
      return { bytesWritten: length };
    },
    sync: () => device.flush(),
    close: async () => {},
  };
}
