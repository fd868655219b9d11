import { lstat, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/** Bytes that the system takes for the path of a socket; Node cuts off what is longer. */
const LONGEST_PATH = 107;

/**
 * Makes a place ready for a Unix socket. One that a server has left behind is removed: only if nobody answers
 * on it, and only if it is one.
 *
 * @throws DmremapError `busy` where somebody answers, `usage` where no socket can be
 */
export async function clearForSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new DmremapError('usage', `${path} is too long for a socket: at most ${LONGEST_PATH} bytes`);
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) {
    const folder = dirname(path);
    await stat(folder).catch((cause: unknown) => {
      throw new DmremapError('usage', `there is no folder ${folder}`, { cause });
    });
    return;
  }
  if (!found.isSocket()) throw new DmremapError('usage', `${path} exists and is no socket`);
  if (await answers(path)) throw new DmremapError('busy', `somebody answers on ${path} already`);
  await unlink(path);
}

/** Whether there is somebody behind the socket, who need not have said anything yet. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // whatever else it says, a queue that is full or no permission, there may be somebody
    probe.once('error', (error) => resolve(errnoOf(error) !== 'ECONNREFUSED'));
  });
}
