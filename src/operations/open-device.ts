import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { type OpenMode, type OpenOptions, openDevice } from '../device/open.js';

/** Devices that no path leads to, by the names under which operations open them. */
const lent = new Map<string, BlockDevice>();

/** From now on this name means the device (a scratch copy), until the function that is returned is called. */
export function lendDevice(name: string, device: BlockDevice): () => void {
  lent.set(name, device);
  return () => void lent.delete(name);
}

/** How a device is opened: the mode alone, or with more. */
export type Opening = OpenMode | Pick<OpenOptions, 'mode' | 'below'>;

/** Opens a device, named by a path or a tag, for the time of one piece of work. */
export async function withDevice<Result>(
  name: string,
  opening: Opening,
  work: (device: FileDevice) => Promise<Result>,
): Promise<Result> {
  const device = await openNamed(name, opening);
  try {
    return await work(device);
  } finally {
    await device.close();
  }
}

/** Opens a device that is named by a path or a tag; the caller closes it. */
export async function openNamed(name: string, opening: Opening): Promise<FileDevice> {
  const device = lent.get(name);
  if (device !== undefined) return (await import('../device/scratch-device.js')).asOpened(name, device);
  return openDevice(await pathOf(name), typeof opening === 'string' ? { mode: opening } : opening);
}

/** Tags hold an equals sign; what resolves them is loaded only then. */
async function pathOf(name: string): Promise<string> {
  if (!/^[A-Z]+=/.test(name)) return name;
  const { resolveDevice } = await import('../machine/tags.js');
  return resolveDevice(name);
}
