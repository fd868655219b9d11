import type { Bytes } from '../units.js';
import type { BlockDevice } from './block-device.js';

/** What a device may offer beyond BlockDevice: knowing where it is all zeros without reading it. */
export interface KnowsHoles {
  /** The first byte at or after `at` that may hold data; the device's size where none does. */
  nextData(at: Bytes): Promise<Bytes>;
}

function knowsHoles(device: BlockDevice): device is BlockDevice & KnowsHoles {
  return 'nextData' in device;
}

/** The first byte at or after `at` that may hold data: `at` itself where holes are unknown. */
export async function nextData(device: BlockDevice, at: Bytes): Promise<Bytes> {
  return knowsHoles(device) ? device.nextData(at) : at;
}
