import type { Bytes } from '../units.js';
import type { BlockDevice } from './block-device.js';

/** What a device may offer beyond BlockDevice: reading what the medium holds, not what memory remembers of it. */
export interface ReadsPastCache {
  /** read() is answered by the page cache: where a block fails, so do all in its page. */
  readonly failsInPages: boolean;
  /**
   * As read(), but answered by the medium, and failing in units of the logical block size where the page cache
   * fails in pages. False when this place can only be read through the cache, which was then done.
   */
  readPastCache(at: Bytes, into: Uint8Array): Promise<boolean>;
}

export function canReadPastCache(device: BlockDevice): device is BlockDevice & ReadsPastCache {
  return 'readPastCache' in device;
}

/**
 * Fills `into` from the medium, for proving what was written. True if it truly came from there; a device
 * without such a way (memory, most filters) is read as always and false says so.
 */
export async function readPastCache(device: BlockDevice, at: Bytes, into: Uint8Array): Promise<boolean> {
  if (canReadPastCache(device)) return device.readPastCache(at, into);
  await device.read(at, into);
  return false;
}

export function failsInPages(device: BlockDevice): boolean {
  return canReadPastCache(device) && device.failsInPages;
}
