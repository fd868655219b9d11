import type { BlockDevice } from '../device/block-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { DmremapError } from '../errors.js';
import { encodeEntries, RemapTable } from '../format/entry.js';
import { hasExtension } from '../format/header.js';
import { MODULE_CAPACITY, unalignedEntries } from '../format/module.js';
import { commit } from '../store/commit.js';
import { type Content, contentOf, nextContent } from '../store/content.js';
import type { ModuleImage } from '../store/module-image.js';
import { asModulePhases, moduleBlock } from '../store/module-layout.js';
import { carryOut, inParts, type Phase } from '../store/phase.js';
import { copyData, planRelocations, relocatedTable } from '../store/relocate.js';
import { stepBetween } from '../store/step.js';
import type { Sectors } from '../units.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import { moduleArea, rowFor } from './module-row.js';
import { takeOver } from './module-take-over.js';
import { planRelayout, type RelayoutPlan, type RelayoutRequest } from './relayout-plan.js';

/** Conversions from and to the layout of the kernel module, by way of a plain set of its capacity. */

/** From the module's layout to one of ours. Reads only. @throws DmremapError as takeOver and planRelayout */
export async function planFromModule(
  device: BlockDevice,
  diagnosis: Diagnosis,
  image: ModuleImage,
  request: RelayoutRequest,
): Promise<RelayoutPlan> {
  const taken = takeOver(device, diagnosis, image, request.now);
  const plain = new OverlayDevice(device);
  await carryOut(plain, taken.phases);
  const rest = await planRelayout(plain, await diagnose(plain), request);
  const [first = [], ...others] = rest.stages;
  return {
    ...rest,
    warnings: [...rest.warnings, ...unreached(device, image)],
    found: image.content,
    from: 'module',
    stages: [inParts([taken.phases, first]), ...others],
  };
}

/** Of these main may hold newer data, and whoever honours them shows the spare's. */
function unreached({ name }: BlockDevice, { content: { table } }: ModuleImage): string[] {
  const count = unalignedEntries(table).length;
  return count === 0
    ? []
    : [`requests of 4 KiB never reached ${count} remaps; compare first: dmremap check ${name} --main MAIN`];
}

/**
 * From any layout to the module's: at most 252 entries, their spare sectors in a row. Reads only.
 *
 * @param spareStart the first of these sectors; where they lie already, or the first data sector, unless told
 * @throws DmremapError `too-small`, `no-space`, `usage`, and as takeOver and planRelayout
 */
export async function planToModule(
  device: BlockDevice,
  spareStart: Sectors | undefined,
  request: RelayoutRequest,
): Promise<RelayoutPlan> {
  const diagnosis = await diagnose(device);
  const image = diagnosis.survey.module;
  if (image !== undefined && isInPlace(diagnosis, image, spareStart)) return nothingToDo(image);
  const shape = { layout: 'plain', maxEntries: MODULE_CAPACITY } as const;
  refuseTooMany(device, diagnosis);
  const base =
    image === undefined
      ? await planRelayout(device, diagnosis, { ...request, shape })
      : await planFromModule(device, diagnosis, image, { ...request, shape });
  const plain = base.content;
  const { moved, phases, relocations } = await inARow(
    await overlaid(device, base.stages),
    plain,
    spareStart,
    request.now,
  );
  const content = asModule(moved, request.now);
  const last = asModulePhases(content, device.logicalBlockSize);
  return {
    ...base,
    content,
    relocations,
    from: base.from,
    to: 'module',
    // what is moved overwrites the only copy: its undo file must not bring back another one
    stages:
      phases.length === 0 ? [inParts([...base.stages, last])] : [...base.stages, inParts([phases, last])],
    warnings: [...base.warnings, READ_ONCE, ...(hasExtension(base.found.header) ? [NO_IDENTITY] : [])],
  };
}

const READ_ONCE =
  'the module reads this spare, but cannot read back what it saves itself: convert it back before you need it again';
const NO_IDENTITY = 'the layout has no place for the identity of the set and of main: they are given up';

async function overlaid(device: BlockDevice, stages: RelayoutPlan['stages']): Promise<BlockDevice> {
  const after = new OverlayDevice(device);
  await carryOut(after, stages.flat());
  return after;
}

/** The module reads every entry of it already, from this sector on. */
function isInPlace({ problems }: Diagnosis, image: ModuleImage, spareStart: Sectors | undefined): boolean {
  const { table } = image.content;
  const start = table.count === 0 ? undefined : table.spareSector(0);
  return (
    image.standing === 'accepted' &&
    problems.every(({ row }) => row.severity === 'note') &&
    (spareStart === undefined || start === undefined || start === spareStart)
  );
}

function nothingToDo({ content }: ModuleImage): RelayoutPlan {
  const nothing = { relocations: [], stages: [], shrunk: false, warnings: [] };
  return { found: content, content, from: 'module', to: 'module', ...nothing };
}

function refuseTooMany(device: BlockDevice, { survey: { table } }: Diagnosis): void {
  if (table === undefined || table.count <= MODULE_CAPACITY) return;
  throw new DmremapError(
    'too-small',
    `the kernel module takes ${MODULE_CAPACITY} entries; ${device.name} has ${table.count}`,
    { hint: 'dmremap unremap writes the data of some back to main', data: { live_entries: table.count } },
  );
}

interface InARow {
  readonly moved: Content;
  readonly phases: readonly Phase[];
  readonly relocations: RelayoutPlan['relocations'];
}

/** The same entries of a plain set in ascending spare sectors without a gap; data that lies elsewhere is copied. */
async function inARow(
  device: BlockDevice,
  content: Content,
  spareStart: Sectors | undefined,
  now: bigint,
): Promise<InARow> {
  const { table } = content;
  const relocations = planRelocations(table, moduleArea(device), rowFor(device, table, spareStart));
  if (relocations === undefined)
    throw new DmremapError('no-space', `${device.name}: no free sectors for the data that has to be moved`);
  const sorted = sortedBySpare(relocatedTable(table, relocations));
  if (Buffer.compare(sorted.bytes, table.bytes) === 0) return { moved: content, phases: [], relocations };
  const copied = relocations.length === 0 ? undefined : await copyData(device, relocations);
  const moved = nextContent(content, {}, now, sorted);
  const step = commit(stepBetween(content, moved), device.logicalBlockSize);
  return { moved, phases: [...(copied === undefined ? [] : [copied]), ...step], relocations };
}

function sortedBySpare(table: RemapTable): RemapTable {
  const entries = Array.from(
    table.sortedIndices('spare'),
    (index) => [table.exactMainSector(index), table.exactSpareSector(index)] as const,
  );
  return new RemapTable(encodeEntries(entries));
}

function asModule(content: Content, now: bigint): Content {
  const next = nextContent(content, {}, now);
  return contentOf(moduleBlock(next), next.table);
}
