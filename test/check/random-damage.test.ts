import { assert, suite } from '../support/harness.js';
import { tryMutation } from './damage.js';

/**
 * Ten thousand damaged spares, always the same ones: the verdict of check is that of the independent reader
 * for every one, in every mode. More, and others, with `npm run test:damage -- SEED COUNT`.
 */

const test = suite('random damage');

const SEEDS = 10_500;
const PARTS = 3;

/** How often each triple of exit codes of -n, -p and -y was met. */
const met = new Map<string, number>();
let tried = 0;

for (let part = 0; part < PARTS; part++) {
  const from = 1 + (part * SEEDS) / PARTS;
  const to = from + SEEDS / PARTS;
  test(
    `seeds ${from} to ${to - 1}`,
    async () => {
      const wrong: string[] = [];
      for (let seed = from; seed < to; seed++) {
        const result = await tryMutation(seed);
        tried++;
        met.set(result.codes, (met.get(result.codes) ?? 0) + 1);
        if (result.wrong !== undefined) wrong.push(`${result.wrong} | ${result.description}`);
      }
      assert.equal(wrong.slice(0, 10), [], `${wrong.length} wrong`);
    },
    { timeoutMs: 240_000 },
  );
}

test('all of them were tried, and every answer was met often', () => {
  assert.is(tried, SEEDS);
  for (const codes of ['0/0/0', '4/1/1', '4/4/1', '4/4/4', '4/5/5', '8/8/8'])
    assert.ok((met.get(codes) ?? 0) > SEEDS / 300, `few with ${codes}: ${JSON.stringify([...met])}`);
  console.log(
    `${tried} damaged spares: ${[...met].map(([codes, count]) => `${count} × ${codes}`).join(', ')}`,
  );
});
