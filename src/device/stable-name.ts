import { readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Identifiable } from './identifiable.js';
import { blockNode, namesIn, nodePath, type Roots, withRoots } from './sysfs.js';

/** Folders below /dev whose names follow the device; by-path follows the cable, by-uuid and by-label the content. */
const FOLDERS: readonly string[] = ['disk/by-id', 'disk/by-partuuid', 'mapper', 'md'];

/** Names that tell a person less than others of the same folder, the least telling last. */
const BARE: readonly RegExp[] = [
  /^(wwn|nvme-eui|nvme-uuid|dm-uuid|md-uuid)/,
  /^(scsi-[0-9]|nvme-nvme)/,
  /^lvm-pv-uuid/,
];

/**
 * A name below /dev that leads to this device on every boot, preferring those with model and serial number;
 * undefined for images and where udev gave none. Reads links, never the device.
 */
export function stableName(device: Identifiable, roots?: Partial<Roots>): string | undefined {
  const all = withRoots(roots);
  const node = device.deviceNumber === undefined ? undefined : blockNode(device.deviceNumber, all);
  if (node === undefined) return undefined;
  const target = resolve(nodePath(node, all));
  for (const folder of FOLDERS) {
    const path = join(all.dev, folder);
    const names = namesIn(path).filter((name) => leadsTo(path, name, target));
    const best = names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0];
    if (best !== undefined) return join(path, best);
  }
  return undefined;
}

function rank(name: string): number {
  return BARE.findIndex((pattern) => pattern.test(name)) + 1;
}

function leadsTo(folder: string, name: string, target: string): boolean {
  try {
    return resolve(folder, readlinkSync(join(folder, name))) === target;
  } catch {
    return false;
  }
}
