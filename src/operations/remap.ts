import { DmremapError } from '../errors.js';
import { compactTable } from '../format/entry.js';
import { isRedundant } from '../format/header.js';
import { type Selection, type Span, select, sizeOf, without } from '../remap/selection.js';
import { SpareTable } from '../serve/spare-table.js';
import { SECTOR_SIZE, sectors } from '../units.js';
import { findSectors, type NamedSectors } from './bad-sectors.js';
import {
  type Approve,
  type ChangeOptions,
  type ChangePlan,
  type ChangeResult,
  change,
  describeDevice,
} from './change.js';
import { describeContent } from './describe-content.js';
import { holdsContent } from './holds.js';
import { saveLostMap } from './lost-map.js';
import type { MainChoice } from './main-device.js';
import { type LeftMapping, OwnMapping } from './own-mapping.js';
import { aroundBadPlaces, type Planned, planRemap } from './remap-plan.js';
import { identityIn, type SetToChange, withSet } from './set-to-change.js';
import { TakenData } from './taken-data.js';

export interface RemapOptions extends ChangeOptions, MainChoice {
  readonly named: NamedSectors;
  /** What becomes of sectors whose data cannot be read: they stay on main, or live on as zeros. */
  readonly lost: 'fail' | 'zero';
  /** Where those are written as a ddrescue mapfile; in the state directory unless told. */
  readonly lostMap?: string | undefined;
  /** The set's own mapping, suspended, which may hold its devices: a name of dmsetup. */
  readonly heldBy?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly dryRun: boolean;
  /** Told how many bytes of main have been read, and of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

export interface RemapResult extends ChangeResult {
  /** Sectors that have an entry now and had none; with --dry-run, that would have. */
  readonly remapped: number;
  /** Those of them that nobody named: the rest of main's physical blocks. */
  readonly widened: number;
  /** Named, and remapped before. */
  readonly already: readonly Span[];
  /** Cannot be read. */
  readonly lost: readonly Span[];
  /** The mapfile that names them. */
  readonly lostMap: string | undefined;
  /** What of a list nothing was made of, and why. */
  readonly leftOut: ReadonlyMap<string, number>;
  readonly generation: number;
  readonly entries: number;
  /** With `heldBy`: what is left suspended. */
  readonly mapping: LeftMapping | undefined;
}

/**
 * Gives sectors of main a place on the spare, with their data, in one commit (dmremap remap). What cannot be read
 * is never silently made up. What has a place already keeps it, so that doing it again does the rest.
 *
 * @throws DmremapError `usage` (as findSectors), `no-space`, as withSet and change; with `heldBy` as OwnMapping
 */
export async function remapSectors(path: string, options: RemapOptions): Promise<RemapResult> {
  if (options.heldBy === undefined) return remapHeld(path, undefined, options);
  const mapping = OwnMapping.find(options.heldBy);
  return remapHeld(path, mapping, options).catch((error: unknown) => {
    throw mapping.leftSuspended(error);
  });
}

function remapHeld(
  path: string,
  mapping: OwnMapping | undefined,
  options: RemapOptions,
): Promise<RemapResult> {
  return withSet(path, { ...options, below: mapping?.number }, options.now, async (set) => {
    await mapping?.check(set);
    for (const file of [options.named.list?.file, options.lostMap])
      if (file !== undefined) mapping?.refuseFile(file, set);
    const chosen = await choose(set, options);
    const { signal, progress } = options;
    const how = { mayBeFile: mapping === undefined, signal, progress };
    return TakenData.with(set.main, chosen.selection.homeless, how, (taken) =>
      remapTaken(set, mapping, chosen, taken, options),
    );
  });
}

/** What is to be remapped. A list may name millions: what it was made of is not kept. */
interface Chosen {
  readonly leftOut: RemapResult['leftOut'];
  /** Of the list. */
  readonly warnings: readonly string[];
  readonly table: SpareTable;
  /** The same table without these sectors of the spare. */
  readonly tableWithout: (bad: readonly number[]) => Promise<SpareTable>;
  readonly selection: Selection;
}

async function choose(set: SetToChange, { named }: RemapOptions): Promise<Chosen> {
  const { spare, main, corrected, found } = set;
  const { header, table: entries } = corrected.before;
  const size = Number(header.main_device_size);
  const blockSectors = main.physicalBlockSize / SECTOR_SIZE;
  const { logicalBlockSize } = found;
  const known = { size: sectors(size), logicalBlockSize };
  const { spans, leftOut, warnings } = await findSectors(named, known);
  const committed = { header, table: compactTable(entries) };
  const tableWithout = (bad: readonly number[]) => SpareTable.load(spare, committed, blockSectors, bad);
  const table = await tableWithout([]);
  const selection = select(table.entries, spans, blockSectors, size);
  refuseTooMany(set, selection, table);
  return { leftOut, warnings, table, tableWithout, selection };
}

async function remapTaken(
  set: SetToChange,
  mapping: OwnMapping | undefined,
  { leftOut, warnings, table, tableWithout, selection }: Chosen,
  taken: TakenData,
  options: RemapOptions,
): Promise<RemapResult> {
  const wanted = options.lost === 'zero' ? selection.homeless : without(selection.homeless, taken.lost);
  const facts = {
    remapped: sizeOf(wanted),
    widened: sizeOf(without(wanted, selection.namedHomeless)),
    already: selection.namedRemapped,
    lost: taken.lost,
    leftOut,
  };
  const { free } = table;
  let lostMap: string | undefined;
  const saveMap = async (): Promise<void> => {
    lostMap = await saveLostMap(set, 'remap', taken.lost, options);
  };
  const approve = once(async (...shown) => {
    if (!(await options.approve(...shown))) return false;
    await saveMap();
    return true;
  });
  const attempt = async (
    bad: readonly number[],
    remember: (planned: Planned) => void,
  ): Promise<RemapResult> => {
    const places = bad.length === 0 ? table : await tableWithout(bad);
    const planned = await planRemap(set, places, wanted, taken, options.now);
    remember(planned);
    const tableAfter = mapping?.tableOf(planned.content, set);
    const shown = await show(set, planned, facts, warnings, options.lost);
    if (planned.data === undefined && !options.dryRun) await saveMap();
    const result = await carryOutPlan(set, shown, planned, mapping, { ...options, approve });
    const { content } = planned;
    return {
      ...result,
      warnings: [...result.warnings, ...unusedPlaces(set, bad)],
      ...facts,
      lostMap,
      generation: content.header.generation,
      entries: content.table.count,
      mapping: mapping && { name: mapping.name, table: result.applied ? tableAfter : undefined },
    };
  };
  return aroundBadPlaces(set.spare, attempt, {
    isRoom: (bad) => free - bad.length >= facts.remapped,
    signal: options.signal,
  });
}

/** Asks until it is approved, and no more. */
function once(approve: Approve): Approve {
  let isApproved = false;
  return async (...shown) => {
    isApproved ||= await approve(...shown);
    return isApproved;
  };
}

function unusedPlaces({ spare }: SetToChange, bad: readonly number[]): string[] {
  if (bad.length === 0) return [];
  const first = bad.reduce((least, sector) => Math.min(least, sector));
  return [
    `${spare.path} does not take data at ${bad.length} of its free sectors, from sector ${first} on; others are used`,
  ];
}

function refuseTooMany({ spare }: SetToChange, { homeless }: Selection, { entries, free }: SpareTable): void {
  const wanted = sizeOf(homeless);
  const room = entries.capacity - entries.count;
  const data = { wanted, free_entries: room, free_sectors: free };
  if (wanted > room)
    throw new DmremapError(
      'no-space',
      `${spare.path} has room for ${room} more remaps, and ${wanted} sectors are to be remapped`,
      { hint: `make its table larger: dmremap resize ${spare.path} --entries N`, data },
    );
  if (wanted > free)
    throw new DmremapError(
      'no-space',
      `${spare.path} has ${free} free sectors, and ${wanted} are to be remapped`,
      { hint: 'move the set to a larger spare: dmremap migrate', data },
    );
}

async function show(
  { spare, main, found, corrected }: SetToChange,
  { content, phases }: Planned,
  facts: Pick<RemapResult, 'remapped' | 'widened' | 'lost'>,
  ofList: readonly string[],
  lost: RemapOptions['lost'],
): Promise<ChangePlan> {
  const warnings = [...found.warnings, ...ofList];
  if (facts.widened > 0)
    warnings.push(
      `${facts.widened} sectors more than named: ${main.path} fails in blocks of ${main.physicalBlockSize} bytes`,
    );
  const unread = sizeOf(facts.lost);
  if (unread > 0)
    warnings.push(
      `${unread} sectors cannot be read: ${lost === 'zero' ? 'they will read as zeros, their data is lost' : 'they are left as they are'}`,
    );
  return {
    command: 'remap',
    device: await describeDevice(spare),
    main: await describeDevice(main),
    before: describeContent(corrected.found),
    after: phases.length === 0 ? 'the same: there is nothing to do' : describeContent(content),
    phases,
    warnings,
    destroys: false,
    singleCopy: !isRedundant(corrected.found.header),
  };
}

async function carryOutPlan(
  set: SetToChange,
  plan: ChangePlan,
  { content, phases }: Planned,
  mapping: OwnMapping | undefined,
  options: ChangeOptions,
): Promise<ChangeResult> {
  const { spare, found, corrected } = set;
  if (phases.length === 0) return { plan, applied: false, undoFile: undefined, warnings: plan.warnings };
  const undo = { ...options.undo, avoid: [found] };
  const approve: Approve = async (...shown) => {
    if (!(await options.approve(...shown))) return false;
    await mapping?.check(set);
    mapping?.begin(set);
    return true;
  };
  return change(spare, plan, identityIn(corrected.found.header), { ...options, approve, undo }, async () => {
    if (!(await holdsContent(spare, content)))
      throw new DmremapError('io', `${spare.path}: what was written does not read back right`);
    mapping?.refuseResumed(set);
  });
}
