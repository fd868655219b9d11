import { resolve } from 'node:path';
import { readAround } from '../device/read-around.js';
import { blockNode, nodePath, partitionsOf, readNumber, withRoots } from '../device/sysfs.js';
import { runTool } from '../device/tool.js';
import { probeSignatures } from '../signatures/probe.js';
import { bytes, SECTOR_SIZE } from '../units.js';
import type { MainDevice } from './main-device.js';
import { withDevice } from './open-device.js';

/** A part of main that may hold a filesystem: a partition, or all of it. */
export interface Volume {
  /** What a tool opens. */
  readonly path: string;
  /** Where in that the volume begins, in bytes: not 0 in an image file whose partitions have no node. */
  readonly offset: number;
  /** On main, in sectors. */
  readonly start: number;
  readonly sectors: number;
}

export type Filesystem = 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'btrfs';

const FILESYSTEMS: readonly string[] = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs'] satisfies Filesystem[];

/** The partitions of main, the smallest first, as an extended one holds others; then main itself. */
export async function volumesOf(main: MainDevice): Promise<Volume[]> {
  const parts = main.deviceNumber === undefined ? await partsOfImage(main) : partsOfDisk(main.deviceNumber);
  const whole = { path: resolve(main.path), offset: 0, start: 0, sectors: main.size };
  return [...parts.sort((a, b) => a.sectors - b.sectors), whole];
}

function partsOfDisk(deviceNumber: string): Volume[] {
  const roots = withRoots();
  const disk = blockNode(deviceNumber, roots);
  if (disk === undefined) return [];
  return partitionsOf(disk).flatMap((part) => {
    const [start, sectors] = ['start', 'size'].map((name) => readNumber(`${part.folder}/${name}`));
    return start === undefined || sectors === undefined
      ? []
      : [{ path: nodePath(part, roots), offset: 0, start, sectors }];
  });
}

interface SfdiskTable {
  readonly partitiontable?: {
    readonly sectorsize?: number;
    readonly partitions?: readonly { readonly start: number; readonly size: number }[];
  };
}

/** By sfdisk(8); none where it is not installed or finds no table. */
async function partsOfImage(main: MainDevice): Promise<Volume[]> {
  const path = resolve(main.path);
  const told = await runTool('sfdisk', ['--json', path]);
  if (told.code !== 0) return [];
  const { partitiontable } = JSON.parse(told.output) as SfdiskTable;
  const unit = (partitiontable?.sectorsize ?? SECTOR_SIZE) / SECTOR_SIZE;
  return (partitiontable?.partitions ?? []).map(({ start, size }) => ({
    path,
    offset: start * unit * SECTOR_SIZE,
    start: start * unit,
    sectors: size * unit,
  }));
}

/** The filesystem on a volume, by its marks; undefined for one that is not known, or for none. */
export function filesystemOn(main: MainDevice, { start, sectors }: Volume): Promise<Filesystem | undefined> {
  return withDevice(main.path, 'read', async (device) => {
    const found = await probeSignatures(
      async (at, length) => {
        const block = new Uint8Array(length);
        const unread = await readAround(device, bytes(start * SECTOR_SIZE + at), block);
        return unread.length > 0 ? undefined : block;
      },
      bytes(sectors * SECTOR_SIZE),
    );
    return found.map(({ id }) => id).find((id): id is Filesystem => FILESYSTEMS.includes(id));
  });
}
