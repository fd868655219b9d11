import { unlink, writeFile } from 'node:fs/promises';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/**
 * Writes the number of this process to a file. Returns what removes it.
 *
 * @throws DmremapError `permission`, `usage`
 */
export async function writePidFile(path: string): Promise<() => Promise<void>> {
  try {
    await writeFile(path, `${process.pid}\n`);
  } catch (error) {
    const errno = errnoOf(error);
    const code = ['EACCES', 'EPERM', 'EROFS'].includes(errno) ? 'permission' : 'usage';
    throw new DmremapError(code, `${path} cannot be written: ${errno}`, { cause: error });
  }
  return () => unlink(path).catch(() => undefined);
}
