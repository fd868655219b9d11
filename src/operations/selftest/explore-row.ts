import { setImmediate as turn } from 'node:timers/promises';
import type { Dice } from '../../device/crash/dice.js';
import { Recording } from '../../device/crash/recording.js';
import { MemoryDevice } from '../../device/memory-device.js';
import { tableArea } from '../../format/geometry.js';
import { HEADER_SIZE } from '../../format/header.js';
import { loadChoice } from '../../store/load-choice.js';
import { BLOCK_SIZE, bytes, roundUp, SECTOR_SIZE } from '../../units.js';
import { type ExploreOptions, explore, type Tally } from './explore.js';
import { CONDITIONS, type Layout, makeStart, type SetSpec } from './made-sets.js';
import { MirroredMain } from './mirrored-main.js';
import { NumberedMain, shownAround } from './numbered-main.js';
import type { Row } from './rows.js';
import { Stage, type Start } from './stage.js';
import { withoutLayout, withoutPlaces } from './witness.js';

/** What was found of one operation, from all starts together. */
export interface RowTally extends Tally {
  readonly operation: string;
  readonly starts: number;
  /** The start from which a promise was broken, or the operation was refused. */
  readonly brokenFrom: string | undefined;
}

const LAYOUTS: readonly Layout[] = ['redundant', 'plain'];

/** Small sets in every condition from which the operation can begin. */
export async function* smallStarts(row: Row, dice: Dice): AsyncGenerator<Start> {
  for (const blockSize of [512, 4096] as const)
    yield* startsOf(row, dice, () => ({ maxEntries: 60, entries: 7, dataSectors: 24, blockSize }));
}

/** Larger ones, of other sizes each time, without end. */
export async function* largeStarts(row: Row, dice: Dice): AsyncGenerator<Start> {
  for (;;)
    yield* startsOf(row, dice, () => {
      const entries = 60 + dice.below(140);
      return {
        maxEntries: entries + 60 + dice.below(300),
        entries,
        dataSectors: 8 * Math.ceil((entries + 60) / 8),
        blockSize: dice.chance(0.3) ? 4096 : 512,
      };
    });
}

async function* startsOf(row: Row, dice: Dice, size: () => Omit<SetSpec, 'layout'>): AsyncGenerator<Start> {
  for (const layout of LAYOUTS)
    for (const condition of CONDITIONS)
      if (condition.layouts.includes(layout) && row.from?.(condition, layout) !== false)
        yield prepared(row, await makeStart({ ...size(), layout }, condition, dice));
}

/** The start with the media that the row needs, and with what it does before, which no power cut meets. */
export async function prepared(row: Row, start: Start): Promise<Start> {
  const { before } = row;
  const placed = await withMedia(row, start);
  if (before === undefined) return placed;
  const main = placed.main ?? (await MirroredMain.of(start.device));
  // what cannot be written becomes so only afterwards
  const { faults: _later, ...whole } = placed;
  return Stage.run(whole, new Recording(), async (stage) => {
    await before(stage);
    return { ...placed, ...stage.asStart(start.name), ...(main === undefined ? {} : { main }) };
  });
}

async function withMedia({ movesData, movesSet }: Row, start: Start): Promise<Start> {
  if (movesSet === true) return withTarget(await withMain(start));
  return movesData === true ? withMain(start) : start;
}

/** Beside a blank device with room for all that the set has, whatever its layout. */
async function withTarget(start: Start): Promise<Start> {
  const { logicalBlockSize } = start.device;
  const { choice, table } = await loadChoice(start.device);
  const copy = HEADER_SIZE + tableArea(choice.chosen?.header.max_entries ?? 0);
  const size = 2 * copy + roundUp(Math.max(1, table?.count ?? 0) * SECTOR_SIZE, BLOCK_SIZE);
  const target = new MemoryDevice(new Uint8Array(size), { name: 'target', logicalBlockSize });
  return { ...start, target };
}

async function withMain(start: Start): Promise<Start> {
  const { choice } = await loadChoice(start.device);
  const sectors = Number(choice.chosen?.header.main_device_size ?? 0);
  const main = new NumberedMain(bytes(sectors * SECTOR_SIZE));
  const shown = await shownAround(start.device, main);
  return shown === undefined ? start : { ...start, main, shown };
}

const NOTHING_TRIED = { states: 0, second: 0, failed: 0, all: true, starts: 0 };

/** What the row does before is refused on this start: its operation is not tried. */
export function notBegun({ name }: Row, start: string, refused: string): RowTally {
  return { operation: name, ...NOTHING_TRIED, starts: 1, refused, broken: undefined, brokenFrom: start };
}

/**
 * Explores an operation from these starts until one breaks a promise or is refused, or until there are no more, or until so
 * many states were tried. `tried` is told the number of states after each start.
 */
export async function exploreRow(
  row: Row,
  starts: AsyncIterable<Start> | Iterable<Start>,
  options: ExploreOptions & { readonly enough: number },
  tried: (states: number) => void = () => {},
): Promise<RowTally> {
  const sum = { ...NOTHING_TRIED };
  for await (const start of starts) {
    const placed = row.relocates ? withoutPlaces(options.witness) : options.witness;
    const witness = row.throughPlain ? withoutLayout(placed) : placed;
    const { decide, recoveredBy: mode } = row;
    const how = { ...(decide && { decide }), ...(mode && { mode }) };
    const tally = await explore(start, row.work, { ...options, witness, ...how });
    sum.states += tally.states;
    sum.second += tally.second;
    sum.failed += tally.failed;
    sum.all &&= tally.all;
    sum.starts++;
    // work in memory never waits for anything: without this a signal would not be heard
    await turn();
    tried(sum.states);
    const { broken, refused } = tally;
    if (broken !== undefined || refused !== undefined)
      return { operation: row.name, ...sum, refused, broken, brokenFrom: start.name };
    if (sum.states >= options.enough) break;
  }
  return { operation: row.name, ...sum, broken: undefined, brokenFrom: undefined };
}

/** The two halves of one operation as one. */
export function together(one: RowTally, other: RowTally): RowTally {
  return {
    operation: one.operation,
    starts: one.starts + other.starts,
    states: one.states + other.states,
    second: one.second + other.second,
    failed: one.failed + other.failed,
    all: one.all && other.all,
    refused: one.refused ?? other.refused,
    broken: one.broken ?? other.broken,
    brokenFrom: one.brokenFrom ?? other.brokenFrom,
  };
}
