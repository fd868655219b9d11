import type { BlockDevice } from '../device/block-device.js';
import { DeviceError } from '../errors.js';
import { type Choice, isEvidence } from '../store/choose.js';
import type { LoadedCopies } from '../store/load.js';
import { bytesToSectors } from '../units.js';

/**
 * A device on which read errors leave nothing to judge says nothing about its metadata: exit 8. Where a copy
 * that can be read is damaged, that is what there is to say.
 */
export function refuseUnreadable(
  device: BlockDevice,
  { primary, backups }: LoadedCopies,
  { chosen, evidence }: Choice,
): void {
  const copies = [primary, ...backups];
  const [range] = copies.flatMap(({ unreadable }) => unreadable);
  const telling = copies.some((copy) => copy.unreadable.length === 0 && isEvidence(copy));
  if (chosen !== undefined || range === undefined || telling) return;
  throw new DeviceError(device.name, 'read', range.errno, bytesToSectors(range.at), {
    hint: evidence
      ? `no copy of the metadata is whole; what can still be read: dmremap dump ${device.name}`
      : 'no header of the metadata can be read; ddrescue(1) saves what is left of the device in an image',
  });
}
