/** Devices of the kernel's device-mapper, by sysfs and dmsetup(8). */
import { join } from 'node:path';
import {
  type BlockNode,
  blockFacts,
  blockNode,
  blockNodeNamed,
  formatDeviceNumber,
  namesIn,
  type Roots,
  readText,
  statOf,
  withRoots,
} from './sysfs.js';
import { runTool } from './tool.js';

export interface Mapping {
  /** As dmsetup calls it. */
  readonly name: string;
  /** Empty where it was made without one. */
  readonly uuid: string;
  /** "MAJ:MIN". */
  readonly number: string;
  readonly suspended: boolean;
  readonly readOnly: boolean;
}

/** A mapping by its name or by the path of its node; undefined where there is none. */
export function findMapping(named: string, roots?: Partial<Roots>): Mapping | undefined {
  const all = withRoots(roots);
  if (named.includes('/')) {
    const stats = statOf(named);
    const node = stats?.isBlockDevice() === true ? blockNode(formatDeviceNumber(stats.rdev), all) : undefined;
    return node === undefined ? undefined : mappingAt(node);
  }
  for (const name of namesIn(join(all.sysfs, 'block'))) {
    const node = name.startsWith('dm-') ? blockNodeNamed(name, all) : undefined;
    const mapping = node === undefined ? undefined : mappingAt(node);
    if (mapping?.name === named) return mapping;
  }
  return undefined;
}

function mappingAt(node: BlockNode): Mapping | undefined {
  const name = readText(join(node.folder, 'dm/name'));
  if (name === undefined) return undefined;
  const { suspended, readOnly } = blockFacts(node);
  const uuid = readText(join(node.folder, 'dm/uuid')) ?? '';
  return { name, uuid, number: node.number, suspended, readOnly };
}

/**
 * The lines of a table of a mapping: of the one that is live, or of the one that the next resume makes live, which
 * has none where no table waits. Undefined where dmsetup cannot tell.
 */
export async function mappingTable(
  { name }: Mapping,
  which: 'live' | 'inactive',
): Promise<readonly string[] | undefined> {
  const told = await runTool('dmsetup', ['table', ...(which === 'live' ? [] : ['--inactive']), name]);
  if (told?.code !== 0) return undefined;
  return told.output.split('\n').filter((line) => line !== '');
}
