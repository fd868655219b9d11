import type { BlockDevice } from '../device/block-device.js';
import { carry } from '../device/carry/carry.js';
import { ConcurrentFile } from '../device/concurrent-file.js';
import { isMediumError } from '../device/errnos.js';
import { MemoryDevice } from '../device/memory-device.js';
import { DeviceError, DmremapError } from '../errors.js';
import type { SectorRange } from '../exchange/quantities.js';
import { compactTable, type RemapTable } from '../format/entry.js';
import { isRedundant } from '../format/header.js';
import { LiveEntries } from '../remap/live-entries.js';
import { type Span, sectorsIn, select, sizeOf, spansOf } from '../remap/selection.js';
import { commit } from '../store/commit.js';
import type { Content } from '../store/content.js';
import type { Phase, Write } from '../store/phase.js';
import { contentAfter, stepOf } from '../store/step.js';
import { wholeBlocks } from '../store/whole-blocks.js';
import { bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';
import { type ChangeOptions, type ChangePlan, type ChangeResult, describeDevice } from './change.js';
import { describeContent } from './describe-content.js';
import { holdsContent } from './holds.js';
import type { MainChoice } from './main-device.js';
import { refuseBeyond } from './main-sectors.js';
import { identityIn, type SetToChange, withSet } from './set-to-change.js';
import { carryOutWithUndo, foreseenUndoFile, withUndo } from './undo-files.js';
import { writeBack } from './write-back.js';

export interface UnremapOptions extends ChangeOptions, MainChoice {
  readonly ranges: readonly SectorRange[] | 'all';
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes are on main again, and of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

export interface UnremapResult extends ChangeResult {
  /** Sectors that live on main again; with --dry-run, that would. */
  readonly returned: number;
  /** Those of them that nobody named: the rest of main's physical blocks. */
  readonly widened: number;
  /** Named, and on main before. */
  readonly notRemapped: readonly Span[];
  /** Main does not hold them: they stay remapped. */
  readonly refused: readonly Span[];
  /** The spare cannot read them: they stay remapped. */
  readonly unreadable: readonly Span[];
  /** Where is saved what main held; undoFile is of the spare. */
  readonly mainUndoFile: string | undefined;
  readonly generation: number;
  readonly entries: number;
}

/**
 * Moves sectors back to main (dmremap unremap): written there, made durable, read back past the cache; then the
 * entries go, in one commit (format.md section 4). What main does not take stays remapped.
 *
 * @throws DmremapError `usage` for a sector beyond main; as withSet and change
 */
export function unremapSectors(path: string, options: UnremapOptions): Promise<UnremapResult> {
  return withSet(path, options, options.now, async (set) => {
    const { before } = set.corrected;
    const chosen = choose(set, options.ranges);
    const taken = await readSpare(set, chosen.mains, options.signal);
    const plain = await whole(set.main, writesOf(taken, chosen.mains));
    const plan = await show(set, plain, chosen);
    const facts = { notRemapped: chosen.notRemapped, unreadable: spansOf(taken.unreadable) };
    const result = (applied: boolean, content: Content, refused: readonly number[], saved: Saved) => {
      const stays = [...refused, ...taken.unreadable];
      return {
        ...{
          plan,
          applied,
          undoFile: saved.spare,
          mainUndoFile: saved.main,
          warnings: saved.warnings,
          ...facts,
        },
        returned: without(chosen.mains, stays).length,
        widened: without([...sectorsIn(chosen.widened)], stays).length,
        refused: spansOf(refused),
        generation: content.header.generation,
        entries: content.table.count,
      };
    };
    if (plain.writes.length === 0) return result(false, before, plain.refused, NOTHING);
    if (!(await approve(set, plan, plain.writes, options))) {
      const back = without(chosen.mains, [...plain.refused, ...taken.unreadable]);
      return result(false, dropping(set, back, options.now).content, plain.refused, NOTHING);
    }
    return carryOutPlan(set, chosen.mains, taken, plain, options, result);
  });
}

function without(sectors: readonly number[], others: readonly number[]): number[] {
  const left = new Set(others);
  return sectors.filter((sector) => !left.has(sector));
}

interface Chosen {
  /** Ascending. */
  readonly mains: readonly number[];
  readonly widened: readonly Span[];
  readonly notRemapped: readonly Span[];
}

function choose({ corrected, main }: SetToChange, ranges: UnremapOptions['ranges']): Chosen {
  const { header, table } = corrected.before;
  if (ranges === 'all') {
    const mains = Array.from(table.sortedIndices('main'), (slot) => table.mainSector(slot));
    return { mains, widened: [], notRemapped: [] };
  }
  refuseBeyond(ranges, header.main_device_size);
  const entries = new LiveEntries(header.max_entries, compactTable(table));
  const named = ranges.map(({ first, count }): Span => [first, first + count]);
  const block = main.physicalBlockSize / SECTOR_SIZE;
  const found = select(entries, named, block, Number(header.main_device_size));
  const wanted = new Set(sectorsIn(found.namedRemapped));
  const mains = [...sectorsIn(found.remapped)];
  const widened = spansOf(mains.filter((sector) => !wanted.has(sector)));
  return { mains, widened, notRemapped: found.namedHomeless };
}

/** Data of the spare in memory. */
interface Taken {
  /** Of the chosen sectors, one after the other. */
  readonly data: Uint8Array;
  /** Sectors of main whose data the spare cannot read, ascending. */
  readonly unreadable: readonly number[];
}

async function readSpare(
  { spare, corrected }: SetToChange,
  mains: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Taken> {
  const places = placesOf(corrected.before.table, 'spare');
  const data = new Uint8Array(mains.length * SECTOR_SIZE);
  const from = (index: number): number => places.get(mains[index] ?? -1) ?? Number.NaN;
  const pairs = { count: mains.length, from, to: (index: number) => index };
  const lost = await carry({ source: spare, target: new MemoryDevice(data), pairs, signal });
  return { data, unreadable: lost.map((index) => mains[index] ?? Number.NaN) };
}

/** Of each remapped sector of main its slot, or its sector on the spare. */
function placesOf(table: RemapTable, what: 'slot' | 'spare'): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (const slot of table.live())
    places.set(table.mainSector(slot), what === 'slot' ? slot : table.spareSector(slot));
  return places;
}

/** What can be read, in as few writes to main as there can be. */
function writesOf({ data, unreadable }: Taken, mains: readonly number[]): Write[] {
  const lost = new Set(unreadable);
  const writes: Write[] = [];
  let index = 0;
  for (const [first, end] of spansOf(mains)) {
    for (const [from, to] of spansOf(
      mains.slice(index, index + end - first).filter((one) => !lost.has(one)),
    )) {
      const start = (index + from - first) * SECTOR_SIZE;
      const content = data.subarray(start, start + (to - from) * SECTOR_SIZE);
      writes.push({ at: bytes(from * SECTOR_SIZE), bytes: content });
    }
    index += end - first;
  }
  return writes;
}

interface Plain {
  /** In whole logical blocks of main. */
  readonly writes: readonly Write[];
  /** Their blocks cannot be written whole, since the rest of them cannot be read. */
  readonly refused: readonly number[];
}

async function whole(main: BlockDevice, writes: readonly Write[]): Promise<Plain> {
  const size = main.logicalBlockSize;
  if (size === SECTOR_SIZE) return { writes, refused: [] };
  const refused: number[] = [];
  const taken: Write[] = [];
  for (const write of writes) {
    const end = write.at + write.bytes.length;
    const ends = [roundDown(write.at, size), roundUp(end, size) - size].filter(
      (at) => at < write.at || at + size > end,
    );
    if (await areReadable(main, ends)) taken.push(write);
    else for (let at: number = write.at; at < end; at += SECTOR_SIZE) refused.push(at / SECTOR_SIZE);
  }
  return { writes: await wholeBlocks(main, taken), refused };
}

async function areReadable(main: BlockDevice, blocks: readonly number[]): Promise<boolean> {
  try {
    for (const at of blocks) await main.read(bytes(at), new Uint8Array(main.logicalBlockSize));
    return true;
  } catch (error) {
    if (error instanceof DeviceError && isMediumError(error.errno)) return false;
    throw error;
  }
}

/** The commit that drops these sectors' entries. */
function dropping({ spare, corrected }: SetToChange, mains: readonly number[], now: bigint) {
  const { before } = corrected;
  const slots = placesOf(before.table, 'slot');
  const remove = mains.flatMap((main) => slots.get(main) ?? []);
  const step = stepOf(before, { remove }, now);
  return { content: contentAfter(before, step), phases: commit(step, spare.logicalBlockSize) };
}

function backToMain(writes: readonly Write[], count: number): Phase {
  const what = count === 1 ? '1 sector' : `${count} sectors`;
  return { purpose: `write ${what} back to main, and read it back`, writes };
}

async function show(set: SetToChange, { writes }: Plain, { mains, widened }: Chosen): Promise<ChangePlan> {
  const { spare, main, found, corrected } = set;
  const { content, phases } = dropping(set, mains, corrected.found.header.last_update_time);
  const warnings = [...found.warnings];
  const more = sizeOf(widened);
  if (more > 0)
    warnings.push(
      `${more} sectors more than named: ${main.path} has blocks of ${main.physicalBlockSize} bytes`,
    );
  const isNothing = writes.length === 0;
  return {
    command: 'unremap',
    device: await describeDevice(spare),
    main: await describeDevice(main),
    before: describeContent(corrected.found),
    after: isNothing ? 'the same: there is nothing to do' : describeContent(content),
    phases: isNothing ? [] : [...corrected.corrections, backToMain(writes, mains.length), ...phases],
    warnings,
    destroys: true,
    singleCopy: !isRedundant(corrected.found.header),
  };
}

async function savingOf({ spare, found, corrected }: SetToChange, { now, undo }: ChangeOptions) {
  const { identity } = await describeDevice(spare);
  const place = { ...undo, avoid: [found] };
  return { command: 'unremap', now, place, identity, ...identityIn(corrected.found.header) };
}

async function approve(
  set: SetToChange,
  plan: ChangePlan,
  writes: readonly Write[],
  options: UnremapOptions,
): Promise<boolean> {
  if (options.undo.none && plan.singleCopy)
    throw new DmremapError(
      'undo-unavailable',
      '--no-undo is refused: the layout has one copy of its metadata',
    );
  const phases = [backToMain(writes, 0)];
  const first = foreseenUndoFile(set.spare, phases, await savingOf(set, options));
  return options.approve(
    plan,
    first === undefined ? undefined : `${first} and a next free name: main and spare have one each`,
  );
}

/** What became of the undo files. */
interface Saved {
  readonly main: string | undefined;
  readonly spare: string | undefined;
  readonly warnings: readonly string[];
}

const NOTHING: Saved = { main: undefined, spare: undefined, warnings: [] };

/** Two undo files, each finished before the next begins: of main's bytes, and of the commit that drops the entries. */
async function carryOutPlan<Result>(
  set: SetToChange,
  mains: readonly number[],
  taken: Taken,
  plain: Plain,
  options: UnremapOptions,
  result: (applied: boolean, content: Content, refused: readonly number[], saved: Saved) => Result,
): Promise<Result> {
  const { spare, main, corrected } = set;
  const saving = await savingOf(set, options);
  const warnings = new Set<string>();
  const note = <Done extends { readonly path: string | undefined; readonly warning: string | undefined }>(
    done: Done,
  ): Done => {
    if (done.warning !== undefined) warnings.add(done.warning);
    return done;
  };
  if (corrected.corrections.length > 0)
    note(
      await carryOutWithUndo(spare, corrected.corrections, {
        ...saving,
        partOf: { before: false, behind: true },
      }),
    );
  const total = plain.writes.reduce((sum, write) => sum + write.bytes.length, 0);
  let done = 0;
  const progress = (more: number): void => {
    done += more;
    options.progress?.(done, total);
  };
  const { identity } = await describeDevice(main);
  const phases = [backToMain(plain.writes, mains.length)];
  const target = await asWritten(main);
  const wrote = note(
    await withUndo(spare, [], { ...saving, main: { device: main, identity, phases } }, () =>
      writeBack(target, plain.writes, { signal: options.signal, progress }),
    ),
  );
  const notHeld = new Set([...wrote.result, ...plain.refused]);
  const refused = mains.filter((sector) => notHeld.has(sector));
  const back = without(mains, [...refused, ...taken.unreadable]);
  const saved = (path?: string): Saved => ({ main: wrote.path, spare: path, warnings: [...warnings] });
  if (back.length === 0) return result(true, corrected.before, refused, saved());
  const { content, phases: drop } = dropping(set, back, options.now);
  const dropped = note(
    await carryOutWithUndo(spare, drop, { ...saving, partOf: { before: true, behind: false } }),
  );
  await spare.invalidate(bytes(0), spare.size);
  if (!(await holdsContent(spare, content)))
    throw new DmremapError('io', `${spare.path}: what was written does not read back right`);
  return result(true, content, refused, saved(dropped.path));
}

/**
 * Main as it has to be written: on a disk an error shows only in the request that meets it. It is held until the
 * entries are gone, and closed with main.
 */
function asWritten(main: SetToChange['main']): Promise<BlockDevice> | BlockDevice {
  return main.kind === 'block' ? ConcurrentFile.open(main, 'direct') : main;
}
