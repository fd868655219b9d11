import type { BlockDevice } from '../../device/block-device.js';
import { ConcurrentFile } from '../../device/concurrent-file.js';
import type { FileDevice } from '../../device/file-device.js';
import { DmremapError } from '../../errors.js';
import { bytes, SECTOR_SIZE } from '../../units.js';
import { openNamed } from '../open-device.js';

/** One of the two spares of a migration, held exclusively. */
export interface Side {
  /** As it is called in lines that are typed later. */
  readonly name: string;
  /** For metadata. */
  readonly device: FileDevice;
  /** The same device for data: many requests at a time. */
  readonly data: BlockDevice;
}

/** What a migration goes from and to. */
export interface Sides {
  readonly source: Side;
  readonly target: Side;
}

/** What a device is to a migration. */
export type Part =
  /** Its data is written past the page cache, which a flush would else have to wait for. */
  | 'target'
  | 'source'
  /** The operator gives it up: it need not be writable. */
  | 'abandoned source';

/** Holds a device for the time of one piece of work. */
export async function withSide<Result>(
  path: string,
  part: Part,
  work: (side: Omit<Side, 'name'>) => Promise<Result>,
): Promise<Result> {
  const device = await openSide(path, part);
  try {
    const data = await dataDevice(device, part === 'target');
    try {
      return await work({ device, data });
    } finally {
      await data.close();
    }
  } finally {
    await device.close();
  }
}

async function openSide(path: string, part: Part): Promise<FileDevice> {
  try {
    return await openNamed(path, 'exclusive');
  } catch (error) {
    if (part === 'target' || !isReadOnly(error)) throw error;
    if (part === 'abandoned source') return openNamed(path, 'held');
    const { code, message, hint, data } = error;
    const way = 'if it cannot be, --abandon-source moves the set without retiring this spare';
    throw new DmremapError(code, message, {
      hint: hint === undefined ? way : `${hint}; ${way}`,
      data,
      cause: error,
    });
  }
}

/** The device or its file system takes no writes, whoever asks. */
function isReadOnly(error: unknown): error is DmremapError {
  if (!(error instanceof DmremapError) || error.code !== 'permission') return false;
  return !['EACCES', 'EPERM'].includes(String(error.data?.['errno']));
}

async function dataDevice(device: FileDevice, written: boolean): Promise<BlockDevice> {
  // a scratch copy in memory
  if (device.fd === undefined) return device;
  const direct = written ? await directDevice(device) : undefined;
  return direct ?? ConcurrentFile.open(device, 'writeback');
}

/** Undefined where the file system has no direct I/O, or not in sectors. */
async function directDevice(device: FileDevice): Promise<BlockDevice | undefined> {
  try {
    const direct = await ConcurrentFile.open(device, 'direct');
    await direct.read(bytes(0), new Uint8Array(SECTOR_SIZE));
    return direct;
  } catch (error) {
    if (error instanceof DmremapError) return undefined;
    throw error;
  }
}
