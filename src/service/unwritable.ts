import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/** What it means that a file which was named cannot be written. */
export function unwritable(path: string, error: unknown): DmremapError {
  const errno = errnoOf(error);
  const code = ['EACCES', 'EPERM', 'EROFS'].includes(errno) ? 'permission' : 'usage';
  return new DmremapError(code, `${path} cannot be written: ${errno}`, { cause: error });
}
