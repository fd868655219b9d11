import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/**
 * Removes a Unix socket that a server has left behind. Only if nobody answers on it, and only if it is one.
 *
 * @throws DmremapError `busy` where somebody answers, `usage` where the file is something else
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
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
