import type { FileDevice } from '../device/file-device.js';
import { openDevice } from '../device/open.js';

/** Opens a device for the time of one piece of work. */
export async function withDevice<Result>(
  path: string,
  mode: 'read' | 'exclusive',
  work: (device: FileDevice) => Promise<Result>,
): Promise<Result> {
  const device = await openDevice(path, { mode });
  try {
    return await work(device);
  } finally {
    await device.close();
  }
}
