import { type Bytes, bytes, roundDown } from '../units.js';
import type { BlockDevice } from './block-device.js';

/** What a device may offer beyond BlockDevice: knowing where it is all zeros without reading it. */
export interface KnowsHoles {
  /** The first byte at or after `at` that may hold data; the device's size where none does. */
  nextData(at: Bytes): Promise<Bytes>;
  /** The first byte at or after `at` that lies in a hole; the device's size where none does. */
  nextHole(at: Bytes): Promise<Bytes>;
}

function knowsHoles(device: BlockDevice): device is BlockDevice & KnowsHoles {
  return 'nextData' in device;
}

/**
 * The first unit of so many bytes from `at` on, which is the beginning of one, that may hold data: `at` itself where
 * holes are unknown; the size or more where none does.
 */
export async function dataFrom(device: BlockDevice, at: number, unit: number): Promise<number> {
  if (at >= device.size || !knowsHoles(device)) return at;
  return roundDown(await device.nextData(bytes(at)), unit);
}

/** The first byte at or after `at` that lies in a hole: the end of the device where holes are unknown. */
export async function nextHole(device: BlockDevice, at: Bytes): Promise<Bytes> {
  return knowsHoles(device) ? device.nextHole(at) : device.size;
}
