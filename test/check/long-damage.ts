import { tryMutation } from './damage.js';

/**
 * Random damage for as long as wanted: `npm run test:damage -- SEED COUNT` tries COUNT seeds from SEED on and
 * prints those on which check and the independent reader disagree; exit code 1 if there is one. Each can be
 * tried alone again: `npm run test:damage -- SEED 1`.
 */

const PRINTED_EVERY_MS = 10_000;
const SHOWN = 50;

const [first = 1, count = 100_000] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error('usage: npm run test:damage -- SEED COUNT');
  process.exit(16);
}

const met = new Map<string, number>();
let wrong = 0;
let printed = Date.now();
for (let seed = first; seed < first + count; seed++) {
  const result = await tryMutation(seed);
  met.set(result.codes, (met.get(result.codes) ?? 0) + 1);
  if (result.wrong !== undefined && ++wrong <= SHOWN)
    console.log(`${result.wrong}\n    ${result.description}`);
  if (Date.now() - printed < PRINTED_EVERY_MS) continue;
  printed = Date.now();
  console.error(`${seed - first + 1} of ${count}, ${wrong} wrong`);
}
for (const [codes, times] of [...met].sort((a, b) => b[1] - a[1])) console.log(`-n/-p/-y ${codes}: ${times}`);
console.log(`${count} tried, ${wrong} wrong`);
process.exitCode = wrong > 0 ? 1 : 0;
