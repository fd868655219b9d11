import { setTimeout } from 'node:timers/promises';
import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors, roundDown, SECTOR_SIZE, type Sectors } from '../units.js';
import type { BlockDevice } from './block-device.js';
import { isMediumError } from './errnos.js';
import { readPastCache } from './past-cache.js';
import { readAround } from './read-around.js';

/** How often a logical block that failed is asked for again, and after how many milliseconds. */
const AGAIN = 3;
const PAUSE = 50;

/**
 * Fills `into` from `at` with all that the medium still gives: what fails is read in smaller pieces down to the
 * logical block, and each of these again, a bounded number of times.
 *
 * @returns the sectors that cannot be read, ascending; they are zero in `into`, which is not what they hold
 * @throws DeviceError where something else is wrong than the medium: the device is gone, say
 */
export async function readCarefully(device: BlockDevice, at: Bytes, into: Uint8Array): Promise<Sectors[]> {
  const unreadable: Sectors[] = [];
  for (const { at: from, length, errno } of await readAround(device, at, into)) {
    const end = from + length;
    for (let start: number = from; start < end; ) {
      const next = Math.min(end, roundDown(start, device.logicalBlockSize) + device.logicalBlockSize);
      const block = into.subarray(start - at, next - at);
      if (!(await readAgain(device, bytes(start), block, errno)))
        for (let place = start; place < next; place += SECTOR_SIZE) unreadable.push(bytesToSectors(place));
      start = next;
    }
  }
  return unreadable;
}

/** Whether a block that has failed with this error is read after all; it is zero where not. */
async function readAgain(device: BlockDevice, at: Bytes, block: Uint8Array, errno: string): Promise<boolean> {
  if (!isMediumError(errno)) throw new DeviceError(device.name, 'read', errno, bytesToSectors(at));
  for (let attempt = 0; attempt < AGAIN; attempt++) {
    await setTimeout(PAUSE);
    try {
      await readPastCache(device, at, block);
      return true;
    } catch (error) {
      if (!(error instanceof DeviceError) || !isMediumError(error.errno)) throw error;
    }
  }
  block.fill(0);
  return false;
}
