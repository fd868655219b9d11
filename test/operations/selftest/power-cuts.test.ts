import { ROWS } from '../../../src/operations/selftest/rows.js';
import { assert, suite } from '../../support/harness.js';
import { tryRow } from './rows.js';

/**
 * No power cut of any operation loses metadata: the independent reader judges what recovery leaves. Longer:
 *
 *     npm run test:crash -- SEED COUNT
 */

const test = suite('power cuts of every operation');
let total = 0;

for (const [index, row] of ROWS.entries())
  test(
    row.name,
    async () => {
      const tally = await tryRow(row, { seed: 100 + index, mostOfInstant: 16, large: 150 });
      total += tally.states + tally.second;
      console.log(
        `${row.name}: ${tally.states} states from ${tally.starts} starts, ${tally.second} of a second cut`,
      );
      assert.equal([tally.brokenFrom, tally.broken, tally.refused], [undefined, undefined, undefined]);
      assert.ok(tally.states > 150, `${tally.states} states`);
    },
    { timeoutMs: 120_000 },
  );

test('how many states were tried', () => {
  console.log(`${ROWS.length} operations, ${total} states of a power cut`);
  assert.ok(total > 5000);
});
