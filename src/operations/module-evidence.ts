import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import {
  bareModuleEntries,
  MODULE_METADATA_SIZE,
  type ModuleEvidence,
  recogniseModule,
} from '../format/module.js';
import { type Copy, hasMagic, isValid } from '../store/copy.js';
import { bytes, roundUp } from '../units.js';

/** Only a header that has our magic and does not verify by our checksum tells by itself that the module wrote it. */
export async function moduleEvidence(
  device: BlockDevice,
  primary: Copy,
): Promise<ModuleEvidence | undefined> {
  if (isValid(primary) || !hasMagic(primary)) return undefined;
  const front = await moduleFront(device);
  return front === undefined ? undefined : recogniseModule(front);
}

/**
 * The module on a spare that never held a header (format.md section 7). So little tells of it that it is a
 * guess about any other device: to be asked where the operator has said that this was a spare, or before
 * something is written over it.
 */
export async function bareModuleEvidence(device: BlockDevice): Promise<ModuleEvidence | undefined> {
  const front = await moduleFront(device);
  const count = front === undefined ? undefined : bareModuleEntries(front);
  if (count === undefined) return undefined;
  const entries = count === 1 ? '1 entry' : `${count} entries`;
  return {
    certainty: 'likely',
    says: `no magic, no version and no sizes, only a count of ${entries}, as it leaves a spare that never held a header`,
  };
}

/** Undefined where the device is too small or cannot be read there. */
async function moduleFront(device: BlockDevice): Promise<Uint8Array | undefined> {
  const front = new Uint8Array(roundUp(MODULE_METADATA_SIZE, device.logicalBlockSize));
  if (device.size < front.length) return undefined;
  return (await readAround(device, bytes(0), front)).length > 0 ? undefined : front;
}
