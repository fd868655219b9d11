import { SECTOR_SIZE } from '../../units.js';

/** Sectors of one device and where each belongs on another one, in the order in which they are carried. */
export interface Pairs {
  readonly count: number;
  /** The sector of the device that is read. */
  from(index: number): number;
  /** The sector of the device that is written. */
  to(index: number): number;
}

/** Adjacent sectors of the device that is read. */
export interface Run {
  readonly from: number;
  readonly count: number;
}

/** Pairs that are written by one request, because their places are adjacent. */
export interface Batch {
  /** Index of the first pair. */
  readonly first: number;
  readonly to: number;
  /** In sectors. */
  readonly count: number;
  /** What is read for it, in order. */
  readonly runs: readonly Run[];
}

/** The most that one batch moves, in bytes. */
export const BATCH_SIZE = 1024 * 1024;

/** Requests that one batch reads at most: no other is begun before they have come to their end. */
const MOST_RUNS = 1024;

/** The pairs from index `first` to below `end`, in batches that end on multiples of their size where they can. */
export function* batches(pairs: Pairs, first: number, end: number): Generator<Batch> {
  const most = BATCH_SIZE / SECTOR_SIZE;
  for (let index = first; index < end; ) {
    const begin = index;
    const to = pairs.to(index);
    const limit = Math.min(end, begin + most - (to % most));
    const runs: { from: number; count: number }[] = [];
    let run = { from: Number.NaN, count: 0 };
    for (; index < limit && pairs.to(index) === to + index - begin; index++) {
      const from = pairs.from(index);
      if (from === run.from + run.count) run.count++;
      else {
        if (runs.length === MOST_RUNS) break;
        run = { from, count: 1 };
        runs.push(run);
      }
    }
    yield { first: begin, to, count: index - begin, runs };
  }
}
