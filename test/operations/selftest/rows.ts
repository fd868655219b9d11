import { Dice } from '../../../src/device/crash/dice.js';
import {
  exploreRow,
  largeStarts,
  type RowTally,
  smallStarts,
} from '../../../src/operations/selftest/explore-row.js';
import type { Row } from '../../../src/operations/selftest/rows.js';
import { assert } from '../../support/harness.js';
import { readerWitness } from './reader-witness.js';

/** Power cuts of one operation, judged by the independent reader. */

const SHARED = { witness: readerWitness, againEvery: 60 };

/** So many flushes are made to fail where all of them would take too long. */
const SOME = { failingFlushes: 3 };

/**
 * From small sets in every condition.
 *
 * @param mostOfInstant where an instant leaves no more states, all of them are tried
 */
export function trySmall(row: Row, seed: number, mostOfInstant: number): Promise<RowTally> {
  const dice = new Dice(seed);
  const enough = Number.POSITIVE_INFINITY;
  // of what undo takes back on a grown device, some that fail leave what a check does not correct
  const isEach = row.before === undefined && row.movesData !== true && row.movesSet !== true;
  const failing = isEach ? {} : SOME;
  return exploreRow(row, smallStarts(row, dice), { ...SHARED, ...failing, dice, mostOfInstant, enough });
}

/** From larger sets, so many states and more. */
export function tryLarge(row: Row, seed: number, enough: number): Promise<RowTally> {
  const dice = new Dice(seed);
  const mostOfInstant = row.movesSet === true ? 24 : 200;
  return exploreRow(row, largeStarts(row, dice), { ...SHARED, ...SOME, dice, mostOfInstant, enough });
}

/** No state breaks a promise; returns how many were tried. */
export async function tryRow(row: Row, index: number): Promise<number> {
  // a migration has many instants, and each state of them takes the rest of one
  const mostOfInstant = row.movesSet === true ? 14 : 16;
  const tallies = [await trySmall(row, 100 + index, mostOfInstant), await tryLarge(row, 200 + index, 150)];
  for (const { brokenFrom, broken, refused } of tallies)
    assert.equal([brokenFrom, broken, refused], [undefined, undefined, undefined]);
  const states = tallies.reduce((sum, tally) => sum + tally.states, 0);
  const second = tallies.reduce((sum, tally) => sum + tally.second, 0);
  console.log(`${row.name}: ${states} states, ${second} of a second cut`);
  assert.ok(states > 150, `${states} states`);
  return states + second;
}
