import type { BlockDevice } from '../../device/block-device.js';
import { ConcurrentFile } from '../../device/concurrent-file.js';
import type { FileDevice } from '../../device/file-device.js';
import { DmremapError } from '../../errors.js';
import { bytes, SECTOR_SIZE } from '../../units.js';
import { withDevice } from '../open-device.js';

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

/**
 * Holds a device for the time of one piece of work.
 *
 * @param written its data is written past the page cache, which a flush would else have to wait for
 */
export function withSide<Result>(
  path: string,
  written: boolean,
  work: (side: Omit<Side, 'name'>) => Promise<Result>,
): Promise<Result> {
  return withDevice(path, 'exclusive', async (device) => {
    const data = await dataDevice(device, written);
    try {
      return await work({ device, data });
    } finally {
      await data.close();
    }
  });
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
