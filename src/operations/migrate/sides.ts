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
  /** It is written, its data past the page cache, which a flush would else have to wait for. */
  | 'target'
  /** It may take no writes: what can be done without is done. */
  | 'source'
  /** A source to which the set may go back: both. */
  | 'former source';

/** Holds a device for the time of one piece of work. */
export async function withSide<Result>(
  path: string,
  part: Part,
  work: (side: Omit<Side, 'name'>) => Promise<Result>,
): Promise<Result> {
  const device = await openSide(path, part);
  try {
    const data = await dataDevice(device, part !== 'source' && device.writable);
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
    return openNamed(path, 'held');
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
