import { basename } from 'node:path';
import { type DeviceKind, kindOf } from '../device/identity.js';
import {
  type BlockNode,
  blockFacts,
  blockNodeNamed,
  namesIn,
  nodePath,
  partitionsOf,
  type Roots,
  readNumber,
  withRoots,
} from '../device/sysfs.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';

/** A block device of this machine that could hold a main or a spare. */
export interface Candidate {
  /** The kernel's name: sda1. */
  readonly name: string;
  /** Its node: /dev/sda1. */
  readonly path: string;
  /** "MAJ:MIN". */
  readonly deviceNumber: string;
  readonly kind: DeviceKind;
  readonly size: Bytes;
  readonly readOnly: boolean;
  /** Its requests wait (sysfs.ts). */
  readonly suspended: boolean;
  /** The kernel's name of a partition's disk, undefined for everything else. */
  readonly parent: string | undefined;
}

/** Memory, optical drives and floppies: never a spare, and asking an empty drive takes long. */
const SKIPPED = /^(ram|zram|sr|scd|fd)\d/;

/**
 * All block devices with a size, whole ones in the order of their names, each before its partitions; loop,
 * device-mapper and md devices too. Asks sysfs only; opens no device.
 */
export function listBlockDevices(roots?: Partial<Roots>): Candidate[] {
  const all = withRoots(roots);
  const found: Candidate[] = [];
  for (const name of namesIn(`${all.sysfs}/block`).sort(byNumber)) {
    const disk = SKIPPED.test(name) ? undefined : blockNodeNamed(name, all);
    // A hidden device is one path of a multipath NVMe disk and has no node.
    if (disk === undefined || readNumber(`${disk.folder}/hidden`) === 1) continue;
    const nodes = [disk, ...partitionsOf(disk).sort((a, b) => (a.partition ?? 0) - (b.partition ?? 0))];
    found.push(...nodes.map((node) => candidate(node, all)).filter(({ size }) => size > 0));
  }
  return found;
}

function candidate(node: BlockNode, roots: Roots): Candidate {
  const facts = blockFacts(node);
  return {
    name: node.name,
    path: nodePath(node, roots),
    deviceNumber: node.number,
    kind: kindOf(node),
    size: bytes((facts.sectors ?? 0) * SECTOR_SIZE),
    readOnly: facts.readOnly,
    suspended: facts.suspended,
    parent: node.partition === undefined ? undefined : basename(node.disk),
  };
}

/** loop2 before loop10. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
