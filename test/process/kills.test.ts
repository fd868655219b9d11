import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { countOf, type Killed, onStages, recover, summary } from './kill.js';
import { AT_A_TIME, type Course, type Moment, Stage } from './stage.js';
import { VICTIMS } from './victims.js';

/**
 * The real process is killed (SIGKILL) at random moments of a change of an image file. A check then finds the
 * old metadata or the new, whole, with all data, and the undo files bring back what lay there.
 */

const test = suite('killed at random moments');

/** Of each victim. */
const KILLS = 17;
const TIMEOUT_MS = 120_000;

const all: Killed[] = [];

for (const [index, victim] of VICTIMS.entries())
  test(
    victim.name,
    async () => {
      const stages = await Promise.all(Array.from({ length: AT_A_TIME }, () => Stage.of(victim)));
      try {
        const courses = await Promise.all(stages.map((stage) => stage.course()));
        const random = new Random(index);
        const kills: Killed[] = [];
        // a kill that comes too late is none: there are twice as many tries
        const moments = Array.from({ length: 2 * KILLS }, () => momentIn(random.pick(courses), random));
        await onStages(stages, moments, async (stage, moment) => {
          if (kills.length >= KILLS || !(await stage.killedAt(moment))) return;
          const { change, delay } = moment;
          kills.push(await recover(stage, victim, `${delay.toFixed(1)} ms after change ${change}`));
        });
        assert.ok(kills.length >= KILLS, `${kills.length} kills in ${moments.length} tries`);
        console.log(`${victim.name}: ${summary(kills)}`);
        all.push(...kills);
      } finally {
        for (const stage of stages) stage.cleanUp();
      }
    },
    { timeoutMs: TIMEOUT_MS },
  );

test('most of them, of 300 and more, hit while it was writing', () => {
  console.log(`all: ${summary(all)}`);
  assert.ok(all.length >= 300, `${all.length} kills`);
  assert.ok(countOf(all, 'within') >= all.length / 2, summary(all));
});

/** Mostly at one of its writes, else at any time after the first, seldom before. */
function momentIn({ changes, untilFirst, fromFirst }: Course, random: Random): Moment {
  if (random.chance(0.08)) return { change: 0, delay: random.below(untilFirst) };
  if (random.chance(0.6)) return { change: random.between(1, changes), delay: 0 };
  return { change: 1, delay: random.below(fromFirst) };
}
