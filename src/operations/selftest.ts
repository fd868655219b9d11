import type { BlockDevice } from '../device/block-device.js';
import { Dice } from '../device/crash/dice.js';
import { MemoryDevice } from '../device/memory-device.js';
import { DeviceError, DmremapError } from '../errors.js';
import { bytes } from '../units.js';
import { withDevice } from './open-device.js';
import {
  exploreRow,
  largeStarts,
  notBegun,
  prepared,
  type RowTally,
  smallStarts,
  together,
} from './selftest/explore-row.js';
import { ROWS, type Row } from './selftest/rows.js';
import type { Start } from './selftest/stage.js';
import { ownWitness } from './selftest/witness.js';

export type { RowTally } from './selftest/explore-row.js';

export interface SelftestOptions {
  /** An image whose content is tried instead of sets made for it; it is only read. */
  readonly image: string | undefined;
  /** Repeats a run. */
  readonly seed: number;
  /** States to try of each operation, at least, where it has so many. */
  readonly states: number;
  /** Raised where the test is to stop. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?:
    | ((step: { label: string; done: number; total: number; unit: 'items' }) => void)
    | undefined;
}

export interface SelftestResult {
  readonly rows: readonly RowTally[];
  readonly exitCode: number;
}

/** Of the states that are wanted, how large a part is tried of one instant; at least as many as that. */
const SHARE_OF_INSTANT = 32;
const LEAST_OF_INSTANT = 16;

/**
 * Proves every operation that changes metadata against all power cuts, on scratch copies in memory
 * (dmremap selftest --crash). Nothing is written anywhere.
 */
export async function selftest(options: SelftestOptions): Promise<SelftestResult> {
  const rows: RowTally[] = [];
  for (const [index, row] of ROWS.entries()) {
    options.signal?.throwIfAborted();
    // each row has draws of its own: it gives the same whatever the others do
    const dice = new Dice(options.seed + index);
    rows.push(
      options.image === undefined
        ? await tryRow(row, dice, options)
        : await tryImage(row, options.image, dice, options),
    );
  }
  // an image need not allow everything; a set that was made for an operation must
  const failed = rows.some(
    ({ broken, refused }) => broken !== undefined || (refused !== undefined && options.image === undefined),
  );
  return { rows, exitCode: failed ? 4 : 0 };
}

async function tryRow(row: Row, dice: Dice, options: SelftestOptions): Promise<RowTally> {
  const { states, progress, signal } = options;
  const mostOfInstant = Math.max(LEAST_OF_INSTANT, Math.ceil(states / SHARE_OF_INSTANT));
  const exploring = { witness: ownWitness, dice, mostOfInstant, failingFlushes: 4, againEvery: 40 };
  let base = 0;
  const tried = (count: number) => {
    signal?.throwIfAborted();
    progress?.({ label: row.name, done: Math.min(base + count, states), total: states, unit: 'items' });
  };
  const small = await exploreRow(
    row,
    smallStarts(row, dice),
    { ...exploring, enough: Number.POSITIVE_INFINITY },
    tried,
  );
  base = small.states;
  if (small.brokenFrom !== undefined || small.states >= states) return small;
  const large = { ...exploring, enough: states - small.states };
  return together(small, await exploreRow(row, largeStarts(row, dice), large, tried));
}

/** A spare up to this size is read once and not again for each state: that takes most of the time. In bytes. */
const MOST_IN_MEMORY = 1 << 28;

async function inMemory(device: BlockDevice): Promise<BlockDevice> {
  if (device.size > MOST_IN_MEMORY) return device;
  const content = new Uint8Array(device.size);
  const { logicalBlockSize } = device;
  try {
    await device.read(bytes(0), content);
  } catch (error) {
    // what cannot be read stays so
    if (error instanceof DeviceError) return device;
    throw error;
  }
  return new MemoryDevice(content, { logicalBlockSize });
}

/** @throws DmremapError as openDevice; an operation that the image does not allow is not tried */
async function tryImage(row: Row, image: string, dice: Dice, options: SelftestOptions): Promise<RowTally> {
  return withDevice(image, 'read', async (device) => {
    const start: Start = { name: image, device: await inMemory(device), seed: options.seed };
    const exploring = { witness: ownWitness, dice, failingFlushes: 4, againEvery: 40 };
    const most = { mostOfInstant: options.states, enough: options.states };
    const ready = await prepared(row, start).catch((error: unknown) => {
      if (error instanceof DmremapError) return error;
      throw error;
    });
    return ready instanceof DmremapError
      ? notBegun(row, image, ready.message)
      : exploreRow(row, [ready], { ...exploring, ...most });
  });
}
