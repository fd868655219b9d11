import { assert, needs, suite } from '../../support/harness.js';
import { medianBetween, type Sample } from './samples.js';
import { NEEDED, type Soaked, soak } from './soak.js';

/**
 * Servers under mixed load with errors, saves, status, reconnects, and a spare that is pulled. Of the minutes
 * the first fifth is not counted; memory may grow by less than 5 % from there to the end.
 *
 *     npm run test:soak -- [MINUTES] [SEED]
 */

/** More than this is a leak. */
const MOST_GROWTH = 0.05;

/** Between two lines, in milliseconds. */
const TOLD_EVERY = 10_000;

const [minutes = 10, seed = 1] = process.argv.slice(2).map(Number);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run test:soak -- [MINUTES] [SEED]');
  process.exit(16);
}

const test = suite('soak');
test.before(() => needs(...NEEDED));

test(
  `${minutes} minutes`,
  async () => {
    const growths = (await soak(minutes * 60, seed, tell)).map(growthOf);
    for (const growth of growths) assert.ok(growth < MOST_GROWTH, 'memory grows');
  },
  { timeoutMs: (minutes + 5) * 60_000 },
);

const told = new Map<string, number>();

function tell(name: string, { at, rss, files }: Sample, requests: number): void {
  if (at - (told.get(name) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY) return;
  told.set(name, at);
  const time = `${(at / 60_000).toFixed(1)} min`;
  console.log(`${name}, ${time}: ${(rss / 1024).toFixed(1)} MiB, ${files} open files, ${requests} requests`);
}

/** Memory at the beginning and the end of what counts, as medians of a tenth of the time. */
function growthOf({ name, samples, requests, status }: Soaked): number {
  const part = minutes * 6000;
  const median = (from: number, value: (sample: Sample) => number): number =>
    medianBetween(samples, from * part, (from + 1) * part, value);
  const [rss, later] = [median(2, (sample) => sample.rss), median(9, (sample) => sample.rss)];
  const growth = later / rss - 1;
  console.log(`${name}: ${requests} requests; ${status}`);
  console.log(
    `${name}: memory ${(rss / 1024).toFixed(1)} to ${(later / 1024).toFixed(1)} MiB (${(100 * growth).toFixed(1)} %), ` +
      `open files ${median(2, ({ files }) => files)} to ${median(9, ({ files }) => files)}`,
  );
  return growth;
}
