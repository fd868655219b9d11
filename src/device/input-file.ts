import { open } from 'node:fs/promises';
import { DmremapError } from '../errors.js';
import { errnoOf } from './file-device.js';

/** How much is read at a time, in bytes. */
const PIECE = 1 << 18;

/**
 * The content of a text file, or of standard input for `-`, piece by piece.
 *
 * @throws DmremapError `usage` where there is no such file or it is a directory, `permission`, `io`
 */
export async function* readInput(name: string): AsyncGenerator<Uint8Array> {
  if (name === '-') {
    yield* process.stdin;
    return;
  }
  try {
    const handle = await open(name, 'r');
    try {
      yield* handle.createReadStream({ highWaterMark: PIECE, autoClose: false });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof DmremapError ? error : inputError(name, error);
  }
}

function inputError(name: string, cause: unknown): DmremapError {
  const errno = errnoOf(cause);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new DmremapError('usage', `there is no file ${name}`, { cause });
    case 'EISDIR':
      return new DmremapError('usage', `${name} is a directory`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new DmremapError('permission', `${name} may not be read`, { cause });
    default:
      return new DmremapError('io', `${name} cannot be read: ${errno}`, { cause });
  }
}
