import { SECTOR_SIZE } from '../../units.js';
import type { Pieces } from '../pieces-now.js';

/** Sectors of one device and where each belongs on another one, in the order in which they are carried. */
export interface Pairs {
  readonly count: number;
  /** The sector of the device that is read. */
  from(index: number): number;
  /** The sector of the device that is written. */
  to(index: number): number;
}

/** Pairs that are written by one request, because their places are adjacent. */
export interface Batch {
  /** Index of the first pair. */
  readonly first: number;
  readonly to: number;
  /** In sectors. */
  readonly count: number;
  /** What is read for it, in order: adjacent sectors together. */
  readonly runs: Pieces;
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
    // no object for each run: there may be as many as sectors
    const [starts, ends]: [number[], number[]] = [[], []];
    let next = Number.NaN;
    for (; index < limit && pairs.to(index) === to + index - begin; index++) {
      const from = pairs.from(index);
      if (from !== next) {
        if (starts.length === MOST_RUNS) break;
        starts.push(from * SECTOR_SIZE);
      }
      next = from + 1;
      ends[starts.length - 1] = (index + 1 - begin) * SECTOR_SIZE;
    }
    yield { first: begin, to, count: index - begin, runs: { starts, ends } };
  }
}
