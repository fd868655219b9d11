import { assert, suite } from '../../support/harness.js';
import { DAMAGES } from './damage.js';
import { outcomes, runTrials, type Tally, type TrialsWanted } from './trials.js';

/**
 * Sets of one size, damaged in all the ways of damage.ts: every case that meets section 6's definition yields
 * exactly one proven candidate, the truth, and no other case yields one. The definition is stated by oracle.ts.
 */
export function proofTests(wanted: TrialsWanted): void {
  const { count, cases } = wanted;
  const test = suite(`proof among ${count} entries`);
  let tally: Tally | undefined;

  test(
    `${cases} cases of each kind`,
    () => {
      tally = runTrials(wanted);
      assert.equal(tally.wrong.slice(0, 10), [], `${tally.wrong.length} wrong`);
    },
    { timeoutMs: 280_000 },
  );

  test('each kind had its cases, and each outcome was met', () => {
    const met = outcomes(tally ?? { tried: 0, met: new Map(), damaged: new Map(), wrong: [] });
    for (const kind of DAMAGES) assert.is(tally?.damaged.get(kind), cases);
    const damaged = cases * DAMAGES.length;
    for (const outcome of ['truth', 'none'])
      assert.ok((met.get(outcome) ?? 0) > damaged / 5, `${outcome}: ${met.get(outcome)} of ${damaged}`);
    assert.ok((met.get('unsure') ?? 0) <= damaged / 100, `unsure: ${met.get('unsure')}`);
    const said = [...met].map(([outcome, times]) => `${times} ${outcome}`).join(', ');
    console.log(`${tally?.tried} damaged sets of ${count} entries: ${said}`);
  });
}
