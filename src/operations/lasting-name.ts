import type { Identifiable } from '../device/identifiable.js';
import { stableName } from '../device/stable-name.js';
import { type Header, hasExtension, ZERO_UUID } from '../format/header.js';

/** /dev/sdb1 is another device after the next boot; names in folders below /dev are made to last. */
const KERNEL_NAME = /^\/dev\/[^/]+$/;

/**
 * How a device is called in a line that may be typed later: as the user named it where that name lasts, else
 * by a tag or by a name that follows the device. Loop devices without an identity keep the only name they have.
 *
 * @param named as on the command line
 * @param header of the chosen copy
 */
export function lastingName(named: string, device: Identifiable, header: Header | undefined): string {
  if (!isKernelName(named)) return named;
  return spareTag(header) ?? stableName(device) ?? named;
}

/** SPARE=UUID; undefined for a spare without an identity. */
function spareTag(header: Header | undefined): string | undefined {
  return header === undefined || !hasExtension(header) || header.spare_uuid === ZERO_UUID
    ? undefined
    : `SPARE=${header.spare_uuid}`;
}

/** Whether a name will be another device's, or nobody's, after the next boot. */
export function isKernelName(name: string): boolean {
  return KERNEL_NAME.test(name);
}
