import { ROWS } from '../../../src/operations/selftest/rows.js';
import { assert, suite } from '../../support/harness.js';
import { tryLarge, trySmall } from './rows.js';

/**
 * No power cut of any operation loses metadata: the independent reader judges what recovery leaves. Longer:
 *
 *     npm run test:crash -- SEED COUNT
 *
 * In two files, which run side by side where there is more than one processor.
 */
export function powerCuts(half: 0 | 1): void {
  const test = suite(`power cuts of every operation, part ${half + 1} of 2`);
  let total = 0;
  for (const [index, row] of ROWS.entries()) {
    if (index % 2 !== half) continue;
    test(
      row.name,
      async () => {
        const tallies = [await trySmall(row, 100 + index, 16), await tryLarge(row, 200 + index, 150)];
        for (const { brokenFrom, broken, refused } of tallies)
          assert.equal([brokenFrom, broken, refused], [undefined, undefined, undefined]);
        const states = tallies.reduce((sum, tally) => sum + tally.states, 0);
        const second = tallies.reduce((sum, tally) => sum + tally.second, 0);
        total += states + second;
        console.log(`${row.name}: ${states} states, ${second} of a second cut`);
        assert.ok(states > 150, `${states} states`);
      },
      { timeoutMs: 240_000 },
    );
  }
  test('how many states were tried', () => {
    console.log(`${total} states of a power cut`);
    assert.ok(total > 5000);
  });
}
