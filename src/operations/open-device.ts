import type { FileDevice } from '../device/file-device.js';
import { openDevice } from '../device/open.js';

/** Opens a device, named by a path or a tag, for the time of one piece of work. */
export async function withDevice<Result>(
  name: string,
  mode: 'read' | 'exclusive',
  work: (device: FileDevice) => Promise<Result>,
): Promise<Result> {
  const device = await openNamed(name, mode);
  try {
    return await work(device);
  } finally {
    await device.close();
  }
}

/** Opens a device that is named by a path or a tag; the caller closes it. */
export async function openNamed(name: string, mode: 'read' | 'exclusive'): Promise<FileDevice> {
  return openDevice(await pathOf(name), { mode });
}

/** Tags hold an equals sign; what resolves them is loaded only then. */
async function pathOf(name: string): Promise<string> {
  if (!/^[A-Z]+=/.test(name)) return name;
  const { resolveDevice } = await import('../machine/tags.js');
  return resolveDevice(name);
}
