import { Dice } from '../../../src/device/crash/dice.js';
import { exploreRow, smallStarts } from '../../../src/operations/selftest/explore-row.js';
import { ROWS, type Row } from '../../../src/operations/selftest/rows.js';
import { assert, suite } from '../../support/harness.js';
import { readerWitness } from './reader-witness.js';

/**
 * Undo on a device that has grown, with each of its flushes failing: what is done then must not leave anything
 * beyond the known size that waits for the operator, wherever the power is cut in it.
 */

const test = suite('power cuts of undo on a grown device, each flush failing');

const NAMES = ['undo of resize up', 'undo of the undo of unremap'];

for (const name of NAMES)
  test(
    name,
    async () => {
      const row = ROWS.find((one) => one.name === name);
      assert.ok(row !== undefined);
      const dice = new Dice(1);
      const { states, starts, failed, broken, brokenFrom, refused } = await exploreRow(
        row,
        smallStarts(onGrownDevice(row), dice),
        {
          witness: readerWitness,
          dice,
          mostOfInstant: 16,
          failingFlushes: Number.POSITIVE_INFINITY,
          againEvery: 60,
          enough: Number.POSITIVE_INFINITY,
        },
      );
      assert.equal([brokenFrom, broken, refused], [undefined, undefined, undefined]);
      console.log(`${name}: ${states} states, ${failed} failed flushes`);
      assert.equal(starts, 4);
      assert.ok(failed > 40, `${failed} failed flushes`);
    },
    { timeoutMs: 120_000 },
  );

function onGrownDevice(row: Row): Row {
  return { ...row, from: ({ grown }, layout) => grown !== undefined && layout === 'redundant' };
}
