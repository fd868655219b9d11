import { assert, type Suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { type Start, tryPowerCuts } from './power-cut.js';

/** One test for each start, and one that they tried enough. */
export function testPowerCuts(
  test: Suite,
  starts: readonly Start[],
  least: { readonly states: number; readonly second: number },
): void {
  const total = { states: 0, second: 0 };
  for (const start of starts)
    test(
      start.name,
      async () => {
        const { states, second, wrong } = await tryPowerCuts(start, new Random(start.name.length));
        total.states += states;
        total.second += second;
        assert.is(wrong, undefined);
        assert.ok(states > 2, `${states} states`);
      },
      { timeoutMs: 120_000 },
    );

  test('how many states were tried', () => {
    const { states, second } = total;
    console.log(`${starts.length} corrections, ${states} states of a power cut, ${second} of a second one`);
    assert.ok(states > least.states && second > least.second, `${states}, ${second}`);
  });
}
