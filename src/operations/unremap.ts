import type { BlockDevice } from '../device/block-device.js';
import { carry } from '../device/carry/carry.js';
import { isMediumError } from '../device/errnos.js';
import { MemoryDevice } from '../device/memory-device.js';
import { DeviceError } from '../errors.js';
import type { SectorRange } from '../exchange/quantities.js';
import { compactTable } from '../format/entry.js';
import { isRedundant } from '../format/header.js';
import { LiveEntries } from '../remap/live-entries.js';
import { type Span, sectorsIn, select, sizeOf, spansOf } from '../remap/selection.js';
import type { Write } from '../store/phase.js';
import { wholeBlocks } from '../store/whole-blocks.js';
import { bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';
import {
  type BackToMainOptions,
  backToMain,
  carryOutPlan,
  type Done,
  type Drop,
  dropping,
  placesOf,
} from './back-to-main.js';
import { type ChangePlan, type ChangeResult, describeDevice } from './change.js';
import { describeContent } from './describe-content.js';
import type { MainChoice } from './main-device.js';
import { refuseBeyond } from './main-sectors.js';
import { type SetToChange, withSet } from './set-to-change.js';

export interface UnremapOptions extends BackToMainOptions, MainChoice {
  readonly ranges: readonly SectorRange[] | 'all';
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
    const stays = new Set([...plain.refused, ...taken.unreadable]);
    const back = without(chosen.mains, stays);
    const drop = dropping(set, back, options.now);
    const plan = await show(set, plain, chosen, drop);
    const isNothing = plain.writes.length === 0;
    const done: Done = isNothing
      ? { applied: false, undoFile: undefined, warnings: [], refused: [], content: before }
      : await carryOutPlan(set, plan, plain.writes, { back, drop }, options);
    const refused = [...plain.refused, ...done.refused].sort((a, b) => a - b);
    for (const sector of refused) stays.add(sector);
    return {
      plan,
      applied: done.applied,
      undoFile: done.undoFile,
      warnings: done.warnings,
      returned: without(chosen.mains, stays).length,
      widened: without([...sectorsIn(chosen.widened)], stays).length,
      notRemapped: chosen.notRemapped,
      refused: spansOf(refused),
      unreadable: spansOf(taken.unreadable),
      generation: done.content.header.generation,
      entries: done.content.table.count,
    };
  });
}

function without(sectors: readonly number[], others: ReadonlySet<number>): number[] {
  return sectors.filter((sector) => !others.has(sector));
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

async function show(
  { spare, main, found, corrected }: SetToChange,
  { writes }: Plain,
  { mains, widened }: Chosen,
  drop: Drop,
): Promise<ChangePlan> {
  const warnings = [...found.warnings];
  const more = sizeOf(widened);
  if (more > 0)
    warnings.push(
      `${more} sectors more than named: ${main.path} has blocks of ${main.physicalBlockSize} bytes`,
    );
  const isNothing = writes.length === 0;
  const { corrections } = corrected;
  const inOrder = [...corrections, backToMain(writes, mains.length), ...drop.phases];
  return {
    command: 'unremap',
    device: await describeDevice(spare),
    main: await describeDevice(main),
    before: describeContent(corrected.found),
    after: isNothing ? 'the same: there is nothing to do' : describeContent(drop.content),
    phases: isNothing ? [] : [...corrections, ...drop.phases],
    steps: isNothing ? [] : inOrder.map(({ purpose }) => purpose),
    warnings,
    destroys: true,
    singleCopy: !isRedundant(corrected.found.header),
  };
}
