import { ConcurrentFile } from './concurrent-file.js';
import { FileDevice } from './file-device.js';
import { fileOver } from './scratch-device.js';

/**
 * The same opened device, every request of which goes to the medium. For one that a mapping lies over: what that
 * writes passes the page cache by, which keeps older pages for as long as anybody has the device open; a sector
 * written through it would take the rest of such a page along.
 *
 * @param device closed with what is returned
 * @throws DmremapError `unsupported` where the device has no direct I/O
 */
export async function pastTheCache(device: FileDevice): Promise<FileDevice> {
  const direct = await ConcurrentFile.open(device, 'direct');
  return new FileDevice({ ...fileOver(direct), fd: device.fd, close: () => direct.close() }, device);
}
