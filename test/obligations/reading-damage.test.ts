import { suite } from '../support/harness.js';
import { mutation } from '../support/mutate.js';
import { readAll, readTogether } from './readers.js';
import { patient, Workshop } from './workshop.js';

const test = suite('obligations: readers on random damage');
const slow = patient(test);
const shop = new Workshop();
test.after(() => shop.cleanUp());

/** Seeds of the run; the long one is another script. */
const SEEDS = Array.from({ length: 36 }, (_, index) => 5000 + index);

slow('random damage', async () => {
  for (const seed of SEEDS) {
    const { image, description } = mutation(seed);
    await readAll(shop, { name: description, image }, seed, true);
  }
});

slow('random damage together', () =>
  readTogether(
    shop,
    SEEDS.map((seed) => ({ name: `seed ${seed}`, image: mutation(seed).image })),
  ),
);
