import { randomUUID } from 'node:crypto';
import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import { hasExtension, isRedundant } from '../format/header.js';
import { MODULE_CAPACITY } from '../format/module.js';
import type { ModuleImage } from '../store/module-image.js';
import { dataArea, type Layout, type Shape, shapeOf } from '../store/relayout.js';
import type { Sectors } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { describeContent } from './describe-content.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import { holdsContent, holdsModule } from './holds.js';
import { attachedMains } from './main-device.js';
import { withDevice } from './open-device.js';
import { planRelayout, type RelayoutPlan } from './relayout-plan.js';

export interface RelayoutOptions extends ChangeOptions {
  /** Fit the set to a device that has become smaller (format.md section 5). */
  readonly acceptGuess: boolean;
}

export interface RelayoutResult extends ChangeResult {
  readonly layout: Layout;
  readonly maxEntries: number;
  readonly dataSectors: number;
  readonly entries: number;
  /** Remaps whose data was copied to another sector of the spare. */
  readonly moved: number;
  readonly generation: number;
}

export interface RelayoutCommand {
  readonly name: 'convert' | 'resize';
  /** What is not named stays as it is. */
  readonly layout?: Layout;
  readonly maxEntries?: number;
  /** Of the layout of the kernel module: the first of the sectors in a row. */
  readonly spareStart?: Sectors | undefined;
}

/**
 * Gives a set another layout or capacity and keeps every remap (dmremap convert, dmremap resize).
 *
 * @throws DmremapError as planRelayout; `changed-since` for a guess that was not accepted
 */
export function relayoutSpare(
  path: string,
  command: RelayoutCommand,
  options: RelayoutOptions,
): Promise<RelayoutResult> {
  return withDevice(path, 'exclusive', async (device) => {
    const plan = await planFor(device, command, options.now);
    if (plan.shrunk && !options.acceptGuess) throw guess(path);
    const { content, relocations } = plan;
    const { start, end } = dataArea(shapeOf(content.header), device.size);
    const facts = {
      layout: plan.to,
      maxEntries: content.header.max_entries,
      dataSectors: end - start,
      entries: content.table.count,
      moved: relocations.length,
      generation: content.header.generation,
    };
    return { ...(await carryOutPlan(device, command.name, plan, options)), ...facts };
  });
}

async function planFor(
  device: FileDevice,
  { name, layout, maxEntries, spareStart }: RelayoutCommand,
  now: bigint,
): Promise<RelayoutPlan> {
  const request = (shape: Partial<Shape>) => ({
    shape: { ...shape, ...(maxEntries === undefined ? {} : { maxEntries }) },
    identity: { setUuid: randomUUID(), spareUuid: randomUUID() },
    now,
    adoptsShrunk: name === 'resize',
  });
  if (layout === 'module') {
    const { planToModule } = await import('./module-relayout.js');
    return planToModule(device, spareStart, request({}));
  }
  const diagnosis = await diagnose(device);
  const { module } = diagnosis.survey;
  const shape = layout === undefined ? {} : { layout };
  if (module === undefined) return planRelayout(device, diagnosis, request(shape));
  if (layout === undefined) throw await fixedCapacity(device, diagnosis, module);
  const { planFromModule } = await import('./module-relayout.js');
  return planFromModule(device, diagnosis, module, request(shape));
}

async function fixedCapacity(
  device: FileDevice,
  diagnosis: Diagnosis,
  image: ModuleImage,
): Promise<DmremapError> {
  const { firstOf } = await import('./module-take-over.js');
  const message = `${device.path}: the kernel module's table has ${MODULE_CAPACITY} entries, always`;
  return new DmremapError('unsupported', message, { hint: firstOf(device, diagnosis, image) });
}

async function carryOutPlan(
  device: FileDevice,
  command: string,
  plan: RelayoutPlan,
  options: RelayoutOptions,
): Promise<ChangeResult> {
  const { found, stages } = plan;
  const shown: ChangePlan = {
    command,
    device: await describeDevice(device),
    before: describeContent(found, plan.from),
    after:
      stages.length === 0
        ? 'the same: there is nothing to do'
        : `${describeContent(plan.content, plan.to)}${moves(plan)}`,
    phases: stages.flat(),
    stages,
    warnings: [...(plan.shrunk ? [GUESS] : []), ...plan.warnings],
    destroys: false,
    singleCopy: !isRedundant(found.header),
  };
  if (stages.length === 0) return { plan: shown, applied: false, undoFile: undefined, warnings: [] };
  const { header } = found;
  const named = {
    spareUuid: hasExtension(header) ? header.spare_uuid : undefined,
    setUuid: hasExtension(header) ? header.set_uuid : undefined,
    generation: header.generation,
  };
  const undo = { ...options.undo, avoid: await attachedMains(header) };
  return change(device, shown, named, { ...options, undo }, () => verify(device, plan));
}

function moves({ relocations }: RelayoutPlan): string {
  return relocations.length === 0 ? '' : `; the data of ${relocations.length} remaps in other sectors`;
}

const GUESS =
  'the device is smaller than it was: that it still holds the data of every remap is a guess; compare with main';

function guess(path: string): DmremapError {
  return new DmremapError('changed-since', `${path} is smaller than its metadata says: ${GUESS}`, {
    hint: 'to fit the set to the smaller device all the same: --accept-guess',
  });
}

/** Reads it all again: every copy holds what was planned. */
async function verify(device: FileDevice, { content, to }: RelayoutPlan): Promise<void> {
  const holds = to === 'module' ? holdsModule : holdsContent;
  if (!(await holds(device, content)))
    throw new DmremapError('io', `${device.path}: what was written does not read back right`);
}
