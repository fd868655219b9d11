import { ROWS } from '../../../src/operations/selftest/rows.js';
import { assert, suite } from '../../support/harness.js';
import { tryRow } from './rows.js';

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
    // those that move data are in data-cuts.test.ts, those that move sets in set-cuts.test.ts
    if (index % 2 !== half || row.movesData === true || row.movesSet === true) continue;
    test(
      row.name,
      async () => {
        total += await tryRow(row, index);
      },
      { timeoutMs: 240_000 },
    );
  }
  test('how many states were tried', () => {
    console.log(`${total} states of a power cut`);
    assert.ok(total > 5000);
  });
}
