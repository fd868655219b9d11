import { ROWS } from '../../../src/operations/selftest/rows.js';
import { tryRow } from './rows.js';

/**
 * Tries COUNT states and more of every operation on larger sets, and all states of small ones where an instant
 * has at most 4096:
 *
 *     npm run test:crash -- SEED COUNT
 */

const [seed = 1, count = 10_000] = process.argv.slice(2).map(Number);
let broken = 0;
for (const [index, row] of ROWS.entries()) {
  const { states, second, starts, failed, ...found } = await tryRow(row, {
    seed: seed + index,
    mostOfInstant: 4096,
    large: count,
  });
  const what = found.broken ?? found.refused;
  if (what !== undefined) broken++;
  const result = what === undefined ? 'held' : `from ${found.brokenFrom}: ${what}`;
  console.log(
    `${row.name}: ${states} states from ${starts} starts, ${second} of a second cut, ${failed} failed flushes: ${result}`,
  );
}
process.exitCode = broken === 0 ? 0 : 1;
