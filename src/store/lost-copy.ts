import type { BlockDevice } from '../device/block-device.js';
import { readPastCache } from '../device/past-cache.js';
import { DeviceError } from '../errors.js';
import { isRedundant } from '../format/header.js';
import { placeOf } from './content.js';
import type { MetadataWriter } from './writer.js';

/** Whether the copy that cannot be written is unfindable for good: the first sector of its header is zero. */
export async function isLostCopyErased(device: BlockDevice, writer: MetadataWriter): Promise<boolean> {
  const { lost, content } = writer;
  if (lost === undefined || !isRedundant(content.header)) return false;
  const sector = new Uint8Array(device.logicalBlockSize);
  try {
    await readPastCache(device, placeOf(content.header, lost).headerAt, sector);
    return sector.every((byte) => byte === 0);
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}

/** Whether every copy that can be found again holds what the writer has. */
export async function isWholeInAll(device: BlockDevice, writer: MetadataWriter): Promise<boolean> {
  const { health } = writer;
  return health === 'whole' || (health === 'degraded' && (await isLostCopyErased(device, writer)));
}
