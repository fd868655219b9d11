import { DeviceError } from '../errors.js';
import { SECTOR_SIZE } from '../units.js';
import { RequestFailed } from './served-device.js';

/**
 * The failure of a request for those who made it.
 *
 * @param error of main, or one that names its place on the remapped device
 * @param at where the request begins, in bytes
 */
export function requestFailed(error: unknown, at: number): RequestFailed {
  if (error instanceof RequestFailed)
    return new RequestFailed(error.errno, error.message, Math.max(0, (error.at ?? at) - at), error.cause);
  if (!(error instanceof Error)) return new RequestFailed('EIO', String(error), undefined);
  if (!(error instanceof DeviceError)) return new RequestFailed('EIO', error.message, undefined, error);
  const { sector, errno, message } = error;
  const offset = sector === undefined ? undefined : Math.max(0, sector * SECTOR_SIZE - at);
  return new RequestFailed(errno, message, offset, error);
}
