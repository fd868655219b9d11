import type { Bytes } from '../units.js';
import type { BlockDevice } from './block-device.js';

/** What a device may offer beyond BlockDevice: zeros that need not be sent to it. */
export interface Zeroes {
  /**
   * Makes these whole sectors read as zero faster than by writing.
   *
   * @param mayPunch their space may be given back
   * @returns false where there is no such way
   * @throws DeviceError
   */
  zero(at: Bytes, length: number, mayPunch: boolean): Promise<boolean>;
}

export async function zeroFast(
  device: BlockDevice,
  at: Bytes,
  length: number,
  mayPunch: boolean,
): Promise<boolean> {
  return 'zero' in device ? (device as BlockDevice & Zeroes).zero(at, length, mayPunch) : false;
}
