import { constants, fstatSync, open as openCallback, write as writeCallback } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errnoOf } from '../device/file-device.js';
import { trySend } from '../device/moving-now.js';
import { nativeLibrary } from '../device/syscalls.js';
import { DmremapError } from '../errors.js';
import type { Put } from './log-sink.js';
import { unwritable } from './unwritable.js';

const STANDARD_ERROR = 2;

/** A pipe or a terminal then says that it has no room, where it would let the writer wait. */
const NEVER_WAITING = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;

/** A log begins with this: the lines are JSON objects. */
const FIRST = '{';

// descriptors that stay open to the end: an object for one would close it with its last user
const openDescriptor = promisify(openCallback);
const write = promisify(writeCallback);

/**
 * Adds to a file, behind what other servers have logged there.
 *
 * @throws DmremapError `usage` where it cannot be opened, is a block device, or holds something else than a log;
 * `permission`
 */
export async function intoFile(path: string): Promise<Put> {
  await refuseOther(path);
  try {
    return into(await openDescriptor(path, NEVER_WAITING | constants.O_CREAT, 0o666));
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Writes to standard error, which others use too and must not find in another mode: what can be opened once more
 * is, and a socket is told each time not to wait.
 */
export async function intoStandardError(): Promise<Put> {
  const stats = fstatSync(STANDARD_ERROR);
  if (stats.isFile()) return into(STANDARD_ERROR);
  if (stats.isSocket() && nativeLibrary() !== undefined) return intoSocket(STANDARD_ERROR);
  const again = await openDescriptor(`/proc/self/fd/${STANDARD_ERROR}`, NEVER_WAITING).catch(() => undefined);
  return into(again ?? STANDARD_ERROR);
}

function intoSocket(descriptor: number): Put {
  return async (bytes) => {
    const sent = trySend(descriptor, bytes);
    if (sent === undefined) throw new Error('nobody reads the log any more');
    return sent;
  };
}

function into(descriptor: number): Put {
  return async (bytes) => {
    try {
      return (await write(descriptor, bytes)).bytesWritten;
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return 0;
      throw error;
    }
  };
}

/** A file is added to only where it is empty or a log: what comes behind an image would change its size. */
async function refuseOther(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isBlockDevice() === true)
    throw new DmremapError('usage', `${path} is a block device: a log goes to files only`);
  if (found?.isFile() !== true || found.size === 0) return;
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new DmremapError('permission', `${path} cannot be read`, { cause });
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    if (buffer.toString('latin1') !== FIRST)
      throw new DmremapError('usage', `${path} is there already, and is no log`);
  } finally {
    await file.close();
  }
}
