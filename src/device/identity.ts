import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { SECTOR_SIZE } from '../units.js';
import { diskNames, udevKeys } from './disk-names.js';
import type { Identifiable } from './identifiable.js';
import { partitionUuid } from './partition-table.js';
import { stableName } from './stable-name.js';
import {
  type BlockNode,
  blockFacts,
  blockNode,
  blockNodeIn,
  nodePath,
  type Roots,
  readKeys,
  readNumber,
  readText,
  withRoots,
} from './sysfs.js';

export type DeviceKind = 'image' | 'disk' | 'partition' | 'loop' | 'dm' | 'md';

/** Who a device is, wherever it is plugged in. */
export interface Identity {
  /** main_id of format.md section 2, at most 64 bytes; empty for images and whatever has no identity. */
  readonly mainId: string;
  readonly kind: DeviceKind;
  /** Model, serial number and world-wide name; a partition has those of its disk. */
  readonly model?: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly partuuid?: string;
  /** A name below /dev that stays the same (stable-name.ts). */
  readonly byIdPath?: string;
}

/** Bytes of main_id in the header. */
const MAIN_ID_BYTES = 64;
const SHA256_DIGITS = 56;

/**
 * Who a device is, from sysfs; only a partition whose PARTUUID nobody tells has its disk's table read. Never
 * throws: what cannot be found is left out.
 */
export async function identify(device: Identifiable, roots?: Partial<Roots>): Promise<Identity> {
  const all = withRoots(roots);
  const node = device.deviceNumber === undefined ? undefined : blockNode(device.deviceNumber, all);
  if (node === undefined) return { mainId: '', kind: device.deviceNumber === undefined ? 'image' : 'disk' };
  const kind = kindOf(node);
  const disk = node.partition === undefined ? node : blockNodeIn(node.disk);
  const names = disk === undefined ? undefined : diskNames(disk, all);
  const partuuid = kind === 'partition' ? await partuuidOf(node, disk, all) : undefined;
  const longId = longIdOf(kind, node, names, partuuid, all);
  const known = {
    model: names?.model,
    serial: names?.serial,
    wwn: names?.wwn,
    partuuid,
    byIdPath: stableName(device, all),
  };
  return { mainId: await fitting(longId), kind, ...defined(known) };
}

/** Disks include everything that is nothing else: NVMe, virtio, NBD, … */
export function kindOf(node: BlockNode): DeviceKind {
  if (node.partition !== undefined) return 'partition';
  if (/^loop\d/.test(node.name)) return 'loop';
  if (/^dm-\d/.test(node.name)) return 'dm';
  return /^md[\d_]/.test(node.name) ? 'md' : 'disk';
}

function longIdOf(
  kind: DeviceKind,
  node: BlockNode,
  names: ReturnType<typeof diskNames> | undefined,
  partuuid: string | undefined,
  roots: Roots,
): string {
  if (kind === 'partition') return partuuid === undefined ? '' : `partuuid:${partuuid}`;
  if (kind === 'dm') return prefixed('dm:', readText(join(node.folder, 'dm/uuid')));
  if (kind === 'md') return prefixed('md:', mdUuid(node, roots));
  return names?.wwn === undefined ? prefixed('serial:', names?.serialName) : `wwn:${names.wwn}`;
}

function prefixed(prefix: string, id: string | undefined): string {
  return id === undefined || id === '' ? '' : `${prefix}${id}`;
}

/** In mdadm's writing, four groups with colons, from whatever source. */
function mdUuid(node: BlockNode, roots: Roots): string | undefined {
  const raw = readText(join(node.folder, 'md/uuid')) ?? udevKeys(node.number, roots).get('MD_UUID');
  const digits = (raw ?? '').replace(/[^0-9a-f]/gi, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits) || /^0+$/.test(digits)) return undefined;
  return digits.replace(/^(.{8})(.{8})(.{8})(.{8})$/, '$1:$2:$3:$4');
}

async function partuuidOf(
  node: BlockNode,
  disk: BlockNode | undefined,
  roots: Roots,
): Promise<string | undefined> {
  const told =
    readKeys(join(node.folder, 'uevent')).get('PARTUUID') ??
    udevKeys(node.number, roots).get('ID_PART_ENTRY_UUID');
  if (told !== undefined && told !== '') return told.toLowerCase();
  const start = readNumber(join(node.folder, 'start'));
  if (disk === undefined || node.partition === undefined || start === undefined) return undefined;
  try {
    const handle = await open(nodePath(disk, roots), 'r');
    try {
      const facts = blockFacts(disk);
      const read = async (at: number, length: number): Promise<Uint8Array | undefined> => {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, at);
        return bytesRead === length ? buffer : undefined;
      };
      const size = (facts.sectors ?? 0) * SECTOR_SIZE;
      const table = { read, size, logicalBlockSize: facts.logicalBlockSize ?? SECTOR_SIZE };
      return await partitionUuid(table, { number: node.partition, start });
    } finally {
      await handle.close();
    }
  } catch {
    return undefined; // not allowed, or a dying disk: the partition stays without a name
  }
}

/** The id itself, or what stands for one that is too long for its field. */
async function fitting(id: string): Promise<string> {
  if (Buffer.byteLength(id) <= MAIN_ID_BYTES) return id;
  const { createHash } = await import('node:crypto');
  return `sha256:${createHash('sha256').update(id).digest('hex').slice(0, SHA256_DIGITS)}`;
}

function defined<T extends { readonly [key: string]: string | undefined }>(
  object: T,
): { [K in keyof T]?: string } {
  const kept: { [K in keyof T]?: string } = {};
  for (const key in object) if (object[key] !== undefined) kept[key] = object[key];
  return kept;
}
