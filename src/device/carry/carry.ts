import { type Bytes, bytes, roundDown, roundUp, SECTOR_SIZE } from '../../units.js';
import type { BlockDevice } from '../block-device.js';
import { readPastCache } from '../past-cache.js';
import { BATCH_SIZE, type Batch, batches, type Pairs } from './batches.js';
import { batchReader } from './read-batch.js';
import { sideBySide } from './side-by-side.js';

/** A piece of work on pairs of sectors of two devices. */
export interface Carrying {
  readonly source: BlockDevice;
  readonly target: BlockDevice;
  readonly pairs: Pairs;
  /** Pairs from index `first` to below `end`; all of them unless told. */
  readonly first?: number;
  readonly end?: number;
  /** Raised, the work ends between two batches, with its reason as the error. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes more have been worked on. */
  readonly progress?: ((more: number) => void) | undefined;
}

/**
 * Copies each sector to its place; durable only after a flush of the target.
 *
 * @returns the indices, ascending, of pairs whose source cannot be read: their places on the target hold zeros
 * @throws DeviceError of the target, or of a source that is gone
 */
export async function carry(carrying: Carrying): Promise<number[]> {
  const { source, target } = carrying;
  const read = batchReader(source);
  const write = batchWriter(target);
  const lost: number[] = [];
  await work(carrying, async (batch, room) => {
    const data = room.subarray(0, batch.count * SECTOR_SIZE);
    lost.push(...(await read(batch, data)));
    await write(batch, data);
  });
  return lost.sort(ascending);
}

/** What a comparison has found; indices of pairs, ascending. */
export interface Compared {
  /** The target holds something else than carry() would write now. */
  readonly differing: readonly number[];
  /** The source cannot be read: these were compared with zeros. */
  readonly unreadable: readonly number[];
}

/**
 * Compares what the target's medium holds, past the cache, with the source.
 *
 * @throws DeviceError of the target, or of a source that is gone
 */
export async function compare(carrying: Carrying): Promise<Compared> {
  const { source, target } = carrying;
  const read = batchReader(source);
  const differing: number[] = [];
  const unreadable: number[] = [];
  await work(carrying, async (batch, room) => {
    const length = batch.count * SECTOR_SIZE;
    const theirs = room.subarray(0, length);
    const ours = room.subarray(BATCH_SIZE, BATCH_SIZE + length);
    const reading = readPastCache(target, bytes(batch.to * SECTOR_SIZE), ours);
    // both have ended before the room is used again
    const [bad, end] = await Promise.allSettled([read(batch, theirs), reading]);
    if (end.status === 'rejected') throw end.reason;
    if (bad.status === 'rejected') throw bad.reason;
    unreadable.push(...bad.value);
    if (Buffer.compare(theirs, ours) !== 0) differing.push(...differences(batch, theirs, ours));
  });
  return { differing: differing.sort(ascending), unreadable: unreadable.sort(ascending) };
}

function differences({ first, count }: Batch, theirs: Uint8Array, ours: Uint8Array): number[] {
  const found: number[] = [];
  for (let index = 0; index < count; index++) {
    const [from, end] = [index * SECTOR_SIZE, (index + 1) * SECTOR_SIZE];
    if (Buffer.compare(theirs.subarray(from, end), ours.subarray(from, end)) !== 0) found.push(first + index);
  }
  return found;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function work(
  { pairs, first = 0, end = pairs.count, signal, progress }: Carrying,
  on: (batch: Batch, room: Uint8Array) => Promise<void>,
): Promise<void> {
  return sideBySide(batches(pairs, first, end), on, signal, ({ count }) => progress?.(count * SECTOR_SIZE));
}

/** Writes batches in whole logical blocks; two that share one never at a time. */
function batchWriter(target: BlockDevice): (batch: Batch, data: Uint8Array) => Promise<void> {
  const unit = target.logicalBlockSize;
  let last: Promise<unknown> = Promise.resolve();
  return ({ to }, data) => {
    const at = bytes(to * SECTOR_SIZE);
    if (at % unit === 0 && data.length % unit === 0) return target.write(at, data);
    const turn = last.then(() => writeAmongOthers(target, at, data));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** What shares a logical block with these sectors is written with them, as it is. */
async function writeAmongOthers(target: BlockDevice, at: Bytes, data: Uint8Array): Promise<void> {
  const unit = target.logicalBlockSize;
  const start = roundDown(at, unit);
  const whole = new Uint8Array(roundUp(at + data.length, unit) - start);
  for (const edge of new Set([0, whole.length - unit]))
    await target.read(bytes(start + edge), whole.subarray(edge, edge + unit));
  whole.set(data, at - start);
  await target.write(bytes(start), whole);
}
