import { Dice } from '../../../src/device/crash/dice.js';
import {
  exploreRow,
  largeStarts,
  type RowTally,
  smallStarts,
  together,
} from '../../../src/operations/selftest/explore-row.js';
import type { Row } from '../../../src/operations/selftest/rows.js';
import { readerWitness } from './reader-witness.js';

export interface Effort {
  readonly seed: number;
  /** States of one instant of a small set: where there are no more, all of them. */
  readonly mostOfInstant: number;
  /** States of larger sets. */
  readonly large: number;
}

/** Tries power cuts of one operation from small sets in every condition, and from larger ones. */
export async function tryRow(row: Row, { seed, mostOfInstant, large }: Effort): Promise<RowTally> {
  const dice = new Dice(seed);
  const options = { witness: readerWitness, dice, failingFlushes: 3, againEvery: 60 };
  const small = await exploreRow(row, smallStarts(row, dice), {
    ...options,
    mostOfInstant,
    enough: Number.POSITIVE_INFINITY,
  });
  if (small.brokenFrom !== undefined) return small;
  const more = { ...options, mostOfInstant: 200, enough: large };
  return together(small, await exploreRow(row, largeStarts(row, dice), more));
}
