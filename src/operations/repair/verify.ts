import type { BlockDevice } from '../../device/block-device.js';
import { OverlayDevice } from '../../device/filters/overlay-device.js';
import { readPastCache } from '../../device/past-cache.js';
import { DmremapError } from '../../errors.js';
import { carryOut, type Phase } from '../../store/phase.js';
import { bytes } from '../../units.js';

/**
 * Reads back all that was written, past the cache: what verifies must come from the medium.
 *
 * @throws DmremapError `io` where something else lies there
 */
export async function verifyWritten(device: BlockDevice, phases: readonly Phase[]): Promise<void> {
  const wanted = new OverlayDevice(device);
  await carryOut(wanted, phases);
  for (const [number, expected] of wanted.blocks) {
    const found = Buffer.allocUnsafeSlow(expected.length);
    await readPastCache(device, bytes(number * expected.length), found);
    if (Buffer.compare(found, expected) !== 0)
      throw new DmremapError('io', `${device.name}: what was written does not read back right`, {
        data: { byte: number * expected.length },
      });
  }
}
