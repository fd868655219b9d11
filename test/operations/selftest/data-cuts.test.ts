import { removeSome } from '../../../src/operations/selftest/commits.js';
import { ROWS } from '../../../src/operations/selftest/rows.js';
import { assert, suite } from '../../support/harness.js';
import { tryRow, trySmall } from './rows.js';

/** Data that moves between main and spare: whichever loses what in a power cut, the remapped device shows the same. */

const test = suite('power cuts of what moves data');
let total = 0;

for (const [index, row] of ROWS.entries())
  if (row.movesData === true)
    test(
      row.name,
      async () => {
        total += await tryRow(row, index);
      },
      { timeoutMs: 200_000 },
    );

test('how many states were tried', () => {
  console.log(`${total} states of a power cut`);
  assert.ok(total > 8000);
});

test('entries that go although main does not hold the data are found', async () => {
  const { broken } = await trySmall({ name: 'careless', work: removeSome(), movesData: true }, 1, 16);
  assert.match(broken ?? '', /sector \d+ of the remapped device shows something else/);
});
