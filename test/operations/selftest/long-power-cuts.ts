import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { RowTally } from '../../../src/operations/selftest/explore-row.js';
import { ROWS } from '../../../src/operations/selftest/rows.js';
import { tryLarge, trySmall } from './rows.js';

/**
 * Tries every state of every operation on small sets (it says where there were too many), and COUNT sampled
 * states and more on larger ones; each operation in a process of its own:
 *
 *     npm run test:crash -- SEED COUNT
 *
 * With the number of a row behind them, only that one.
 */

/** Of an instant of a small set that leaves no more states than these, all are tried. */
const EVERY_STATE = 1 << 12;

const [seed = 1, count = 10_000, only] = process.argv.slice(2).map(Number);

if (only === undefined) await tryAll();
else await tryOne(only);

/** The last line is the count, `N passed, N failed`. */
async function tryAll(): Promise<void> {
  const waiting = [...ROWS.keys()];
  let failed = 0;
  const next = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift())
      if (!(await inChild(index))) failed++;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  console.log(`${ROWS.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function inChild(index: number): Promise<boolean> {
  const line = [fileURLToPath(import.meta.url), seed, count, index].map(String);
  return new Promise((resolve) => {
    execFile(process.execPath, [...process.execArgv, ...line], (error, stdout, stderr) => {
      process.stdout.write(`${stdout}${stderr}`);
      resolve(error === null);
    });
  });
}

async function tryOne(index: number): Promise<void> {
  const row = ROWS[index];
  if (row === undefined) throw new RangeError(`there are ${ROWS.length} operations`);
  const small = await trySmall(row, seed + index, EVERY_STATE);
  const large = await tryLarge(row, seed + index, count);
  const sampled = small.all ? 'every one' : 'some';
  console.log(`${row.name}: of small sets ${told(small)}, ${sampled}; of larger ones ${told(large)}`);
  for (const { brokenFrom, broken, refused } of [small, large])
    if (brokenFrom !== undefined) {
      console.log(`  from ${brokenFrom}: ${broken ?? refused}`);
      process.exitCode = 1;
    }
}

function told({ states, second, starts, failed }: RowTally): string {
  return `${states} states and ${second} of a second cut (${starts} starts, ${failed} failed flushes)`;
}
