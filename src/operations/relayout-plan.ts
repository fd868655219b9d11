import type { ProblemId } from '../check/catalogue/index.js';
import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { probeSignatures } from '../signatures/probe.js';
import { commit } from '../store/commit.js';
import { type Content, nextContent } from '../store/content.js';
import { inParts, type Phase } from '../store/phase.js';
import {
  type DataArea,
  dataArea,
  type FreshIdentity,
  type Layout,
  relaidContent,
  relayoutPhases,
  type Shape,
  shapeOf,
} from '../store/relayout.js';
import { copyData, planRelocations, type Relocation, relocatedTable } from '../store/relocate.js';
import { stepBetween } from '../store/step.js';
import { bytesToSectors, sectorsToBytes } from '../units.js';
import { correctFirst } from './correct-first.js';
import type { Diagnosis } from './diagnose.js';

export interface RelayoutRequest {
  /** What is not named stays as it is. */
  readonly shape: Partial<Shape>;
  readonly identity: FreshIdentity;
  /** Unix seconds. */
  readonly now: bigint;
  /** Only `resize` fits a set to a device that has become smaller. */
  readonly adoptsShrunk: boolean;
}

export interface RelayoutPlan {
  /** The metadata as it was found. */
  readonly found: Content;
  /** What all copies will hold. */
  readonly content: Content;
  readonly relocations: readonly Relocation[];
  /** In parts that each take an undo file of their own (ChangePlan.stages). Empty: there is nothing to do. */
  readonly stages: readonly (readonly Phase[])[];
  readonly from: Layout;
  readonly to: Layout;
  /** What is to be known before it is done. */
  readonly warnings: readonly string[];
  /** The device has become smaller: that it still holds the data of all remaps is a guess (section 5). */
  readonly shrunk: boolean;
}

/**
 * What gives a set another shape: what `check -p` would correct is corrected first, then the data of remaps
 * that stand in the way is copied, then their entries are committed, then the layout changes. Reads only.
 *
 * @throws DmremapError `too-small` (the table or the data does not fit), `no-space` (no free sector for data
 * that has to move), `wrong-device` (foreign content where the backup would lie), `changed-since` (something
 * waits for the operator), `retired`, `incomplete`, `unsupported`
 */
export async function planRelayout(
  device: BlockDevice,
  diagnosis: Diagnosis,
  request: RelayoutRequest,
): Promise<RelayoutPlan> {
  const shrunk = request.adoptsShrunk && diagnosis.problems.some(({ id }) => id === 'device-shrunk');
  const { found, before, corrections, needsUndo } = await correctFirst(
    device,
    diagnosis,
    request.now,
    ({ id }) => shrunk && CAUSED_BY_SHRINKING.has(id),
  );
  const old = shapeOf(before.header);
  const shape = { ...old, ...request.shape };
  const area = dataArea(shape, device.size);
  refuseTooSmall(device, before.table, shape, area);
  const isSame = shape.layout === old.layout && shape.maxEntries === old.maxEntries && !shrunk;
  if (isSame) {
    const stages = corrections.length === 0 ? [] : [corrections];
    const common = { from: old.layout, to: shape.layout, warnings: [] };
    return { found, content: before, relocations: [], stages, shrunk, ...common };
  }
  if (shape.layout === 'redundant' && old.layout === 'plain') await refuseForeign(device, before.table, area);
  const relocations = planRelocations(before.table, shrunk ? area : dataArea(old, device.size), area);
  if (relocations === undefined || (shrunk && relocations.length > 0)) throw noRoom(device, shrunk);
  const copied = relocations.length === 0 ? undefined : await copyData(device, relocations);
  const moved = relocations.length === 0 ? before : movedContent(before, relocations, request.now);
  const { logicalBlockSize } = device;
  const moving =
    copied === undefined ? [] : [copied, ...commit(stepBetween(before, moved), logicalBlockSize)];
  const first = inParts([corrections, moving]);
  const content = relaidContent(moved, shape, device.size, request.identity, request.now);
  const last = relayoutPhases(moved, content, logicalBlockSize);
  const apart = old.layout === 'plain' && (copied !== undefined || needsUndo);
  return {
    found,
    content,
    relocations,
    stages: apart ? [first, last] : [inParts([first, last])],
    from: old.layout,
    to: shape.layout,
    warnings: [],
    shrunk,
  };
}

function movedContent(content: Content, relocations: readonly Relocation[], now: bigint): Content {
  return nextContent(content, {}, now, relocatedTable(content.table, relocations));
}

const CAUSED_BY_SHRINKING: ReadonlySet<ProblemId> = new Set(['device-shrunk', 'geometry-wrong']);

function refuseTooSmall(device: BlockDevice, table: RemapTable, shape: Shape, area: DataArea): void {
  const live = table.count;
  if (shape.maxEntries < live)
    throw new DmremapError(
      'too-small',
      `a table of ${shape.maxEntries} entries does not hold the ${live} remaps of ${device.name}`,
      { hint: `at least --entries ${live}`, data: { live_entries: live } },
    );
  if (area.end - area.start >= Math.max(1, live)) return;
  throw new DmremapError(
    'too-small',
    `${device.name} has ${device.size} bytes: a ${shape.layout} set of ${shape.maxEntries} entries leaves ` +
      `${Math.max(0, area.end - area.start)} data sectors for ${live} remaps`,
    { data: { live_entries: live } },
  );
}

function noRoom(device: BlockDevice, shrunk: boolean): DmremapError {
  if (shrunk)
    return new DmremapError(
      'too-small',
      `${device.name}: the data of some remaps lies where the smaller device has no data sectors`,
      { hint: `look at it: dmremap check ${device.name}` },
    );
  return new DmremapError('no-space', `${device.name}: no free sectors for the data that has to be moved`);
}

/** Where a backup is to be written for the first time nothing is known to be ours but what entries name. */
async function refuseForeign(device: BlockDevice, table: RemapTable, { end }: DataArea): Promise<void> {
  const read = async (at: Parameters<typeof readAround>[1], length: number) => {
    const block = new Uint8Array(length);
    return (await readAround(device, at, block)).length > 0 ? undefined : block;
  };
  const found = (await probeSignatures(read, device.size)).filter(
    ({ ours, at }) => !ours && at >= sectorsToBytes(end),
  );
  if (found.length === 0) return;
  const places = new Set<number>(found.map(({ at }) => bytesToSectors(at)));
  for (const slot of table.live()) places.delete(table.spareSector(slot));
  const foreign = found.filter(({ at }) => places.has(bytesToSectors(at)));
  if (foreign.length === 0) return;
  const names = [...new Set(foreign.map(({ name }) => name))];
  throw new DmremapError(
    'wrong-device',
    `${device.name} holds ${names.join(' and ')} where its backup would lie`,
    {
      hint: 'if nobody needs it: erase it with wipefs --offset first',
      data: { signatures: names, byte: foreign[0]?.at ?? 0 },
    },
  );
}
