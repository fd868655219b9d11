import { outcomes, runTrials } from './trials.js';

/**
 * Damaged sets for as long as wanted: `npm run test:proof -- SEED COUNT` tries COUNT cases of each kind of
 * damage on sets of 200 and of 1,000 entries and a sample of them on larger ones, prints how often each outcome
 * was met and those on which the engine and the oracle disagree; exit code 1 if there is one.
 */

/** By the entries of a set, which part of the cases is tried there, and how often a set is used. */
const SIZES = [
  { count: 200, share: 1, perSet: 200 },
  { count: 1000, share: 1, perSet: 200 },
  { count: 100_000, share: 1 / 10, perSet: 50 },
  { count: 1_000_000, share: 1 / 100, perSet: 10 },
] as const;

const SHOWN = 50;

const [seed = 1, wanted = 5000] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(wanted) || wanted < 1) {
  console.error('usage: npm run test:proof -- SEED COUNT');
  process.exit(16);
}

for (const { count, share, perSet } of SIZES) {
  const cases = Math.ceil(wanted * share);
  console.log(`== ${count} entries, ${cases} cases of each kind of damage`);
  const began = process.cpuUsage().user;
  const tally = runTrials({ seed, count, cases, perSet: Math.min(perSet, cases) });
  for (const [key, times] of [...tally.met].sort()) console.log(`${key}: ${times}`);
  for (const text of tally.wrong.slice(0, SHOWN)) console.log(text);
  const milliseconds = (process.cpuUsage().user - began) / 1000 / tally.tried;
  const summary = [...outcomes(tally)].map(([outcome, times]) => `${times} ${outcome}`).join(', ');
  console.log(
    `${tally.tried} tried: ${summary}; ${tally.wrong.length} wrong; ${milliseconds.toFixed(2)} ms each`,
  );
  if (tally.wrong.length > 0) process.exitCode = 1;
}
