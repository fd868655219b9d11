import { randomUUID } from 'node:crypto';
import type { FileDevice } from '../device/file-device.js';
import type { Medium } from '../device/same-medium.js';
import { DmremapError } from '../errors.js';
import { CAPACITY, ZERO_UUID } from '../format/header.js';
import { type Content, contentOf } from '../store/content.js';
import { createPhases, erase, type FreshSet, freshContent, freshDataSectors } from '../store/create.js';
import { moduleBlock, wholeModuleCopy } from '../store/module-layout.js';
import type { Phase } from '../store/phase.js';
import type { Layout } from '../store/relayout.js';
import type { Sectors } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, change, describeDevice } from './change.js';
import { diagnose } from './diagnose.js';
import { holdsModule } from './holds.js';
import { readMain } from './main-device.js';
import { judgeRelation } from './main-relation.js';
import { moduleArea, rowFor } from './module-row.js';
import {
  describeOccupant,
  findOccupant,
  type Occupant,
  refuseForeign,
  refuseLiveEntries,
} from './occupant.js';
import { withDevice } from './open-device.js';

export interface CreateOptions extends ChangeOptions {
  /** A path, or the size alone for a main that is not attached. */
  readonly main: { readonly path: string } | { readonly size: Sectors };
  readonly entries: number;
  readonly layout: Layout;
  /** Of the layout of the kernel module: the first of its data sectors; all of them unless told. */
  readonly spareStart?: Sectors | undefined;
  readonly force: boolean;
  readonly discardRemaps: number | undefined;
}

export interface CreateResult extends ChangeResult {
  readonly layout: Layout;
  readonly maxEntries: number;
  readonly dataSectors: number;
  readonly mainSize: Sectors;
  readonly mainId: string;
  /** Undefined in the plain layout, which has no identity. */
  readonly setUuid: string | undefined;
  readonly spareUuid: string | undefined;
}

interface MainForCreate {
  readonly size: Sectors;
  readonly id: string;
  /** Main itself, where it is attached: no undo file may lie on it. */
  readonly media: readonly Medium[];
  readonly warnings: readonly string[];
}

/**
 * Makes fresh metadata (dmremap create).
 *
 * @throws DmremapError `wrong-device` (main itself, live remaps, foreign content), `too-small`, `busy`, …
 */
export function createSpare(path: string, options: CreateOptions): Promise<CreateResult> {
  return withDevice(path, 'exclusive', async (device) => {
    const main = await mainFor(device, options.main);
    const occupant = await findOccupant(device);
    refuseLiveEntries(path, occupant, options.discardRemaps);
    refuseForeign(path, occupant, options.force);
    const fresh: FreshSet = {
      layout: options.layout === 'redundant' ? 'redundant' : 'plain',
      size: device.size,
      maxEntries: options.entries,
      mainSize: main.size,
      mainId: main.id,
      setUuid: randomUUID(),
      spareUuid: randomUUID(),
      now: options.now,
    };
    refuseTooSmall(device, fresh);
    const made =
      options.layout === 'module' ? moduleSet(device, fresh, options.spareStart) : ourSet(device, fresh);
    const plan = await planOf(device, made, occupant, main.warnings);
    const { content } = made;
    const named = {
      spareUuid: uuidOf(occupant),
      setUuid: undefined,
      generation: occupant.header?.generation ?? 0,
    };
    const undo = { ...options.undo, avoid: main.media };
    const result = await change(device, plan, named, { ...options, undo }, () => verify(device, made));
    const identity = options.layout === 'redundant' ? fresh : undefined;
    return {
      ...result,
      layout: options.layout,
      maxEntries: fresh.maxEntries,
      dataSectors: made.dataSectors,
      mainSize: main.size,
      mainId: content.header.main_id,
      setUuid: identity?.setUuid,
      spareUuid: identity?.spareUuid,
    };
  });
}

/** A set without remaps as it is to lie on the device. */
interface MadeSet {
  readonly layout: Layout;
  readonly content: Content;
  readonly dataSectors: number;
  readonly phases: readonly Phase[];
}

function ourSet({ logicalBlockSize }: FileDevice, fresh: FreshSet): MadeSet {
  const content = freshContent(fresh);
  const dataSectors = freshDataSectors(fresh);
  return { layout: fresh.layout, content, dataSectors, phases: createPhases(content, logicalBlockSize) };
}

function moduleSet(device: FileDevice, fresh: FreshSet, spareStart: Sectors | undefined): MadeSet {
  const plain = freshContent(fresh);
  const content = contentOf(moduleBlock(plain), plain.table);
  const { end } = moduleArea(device);
  const { start } = rowFor(device, plain.table, spareStart);
  const phases = [{ purpose: 'write the primary copy', writes: wholeModuleCopy(content) }];
  return { layout: 'module', content, dataSectors: end - start, phases };
}

async function planOf(
  device: FileDevice,
  { layout, content: { header }, dataSectors, phases }: MadeSet,
  occupant: Occupant,
  warnings: readonly string[],
): Promise<ChangePlan> {
  return {
    command: 'create',
    device: await describeDevice(device),
    before: describeOccupant(occupant),
    after: `an empty ${layout} set for a main of ${header.main_device_size} sectors: up to ${header.max_entries} remaps, ${dataSectors} data sectors`,
    phases: [...erase(occupant.erasures, device.logicalBlockSize), ...phases],
    warnings,
    destroys: occupant.erasures.length > 0,
    singleCopy: layout !== 'redundant',
  };
}

function uuidOf({ header }: Occupant): string | undefined {
  return header === undefined || header.spare_uuid === ZERO_UUID ? undefined : header.spare_uuid;
}

async function mainFor(spare: FileDevice, named: CreateOptions['main']): Promise<MainForCreate> {
  if ('size' in named) return { size: named.size, id: '', media: [], warnings: [] };
  const main = await readMain(named.path);
  const warning = judgeRelation(spare, main);
  return { size: main.size, id: main.id, media: [main], warnings: warning === undefined ? [] : [warning] };
}

function refuseTooSmall(device: FileDevice, fresh: FreshSet): void {
  if (freshDataSectors(fresh) >= 1) return;
  const most = largestCapacity(fresh);
  throw new DmremapError(
    'too-small',
    `${device.path} has ${device.size} bytes: a ${fresh.layout} set of ${fresh.maxEntries} entries leaves no data sectors`,
    most === undefined ? {} : { hint: `at most --entries ${most} fits`, data: { entries_that_fit: most } },
  );
}

/** The largest capacity for which every entry has a data sector; undefined where none fits. */
function largestCapacity(fresh: FreshSet): number | undefined {
  let low = 0;
  let high: number = CAPACITY.most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (freshDataSectors({ ...fresh, maxEntries: middle }) >= middle) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? undefined : low;
}

async function verify(device: FileDevice, { layout, content }: MadeSet): Promise<void> {
  const { problems } = await diagnose(device);
  const [first] = problems.filter(({ row }) => row.severity !== 'note');
  if (first !== undefined)
    throw new DmremapError('io', `${device.path}: what was written does not read back right (${first.id})`);
  if (layout === 'module' && !(await holdsModule(device, content)))
    throw new DmremapError('io', `${device.path}: what was written does not read back right`);
}
