import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors, roundDown, SECTOR_SIZE } from '../units.js';
import type { BlockDevice } from './block-device.js';
import { isMediumError } from './errnos.js';

/**
 * Writes all that the medium still takes: what fails is written again in physical blocks, the unit in which it
 * fails.
 *
 * @returns the sectors that it does not take, ascending
 * @throws DeviceError where something else is wrong than the medium: the device is gone, say
 */
export async function writeCarefully(device: BlockDevice, at: Bytes, content: Uint8Array): Promise<number[]> {
  if (await isTaken(device, at, content)) return [];
  const refused: number[] = [];
  const unit = device.physicalBlockSize;
  for (let from: number = at; from < at + content.length; ) {
    const to = Math.min(at + content.length, roundDown(from, unit) + unit);
    if (!(await isTaken(device, bytes(from), content.subarray(from - at, to - at))))
      for (let place = from; place < to; place += SECTOR_SIZE) refused.push(bytesToSectors(place));
    from = to;
  }
  return refused;
}

async function isTaken(device: BlockDevice, at: Bytes, content: Uint8Array): Promise<boolean> {
  try {
    await device.write(at, content);
    return true;
  } catch (error) {
    if (error instanceof DeviceError && isMediumError(error.errno)) return false;
    throw error;
  }
}
