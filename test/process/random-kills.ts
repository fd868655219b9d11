import { assert, type Suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { countOf, type Killed, onStages, recover, summary } from './kill.js';
import { AT_A_TIME, type Course, type Moment, Stage } from './stage.js';
import type { Victim } from './victims.js';

/**
 * The real process is killed (SIGKILL) at random moments of a change of an image file. A check then finds the
 * old metadata or the new, whole, with all data, and the undo files bring back what lay there. Together with
 * the other files that use it, 300 times and more.
 */

/** Of each victim. */
const KILLS = 17;
const TIMEOUT_MS = 120_000;

/** A test for each victim; what became of the kills is in the list that is returned, once they have run. */
export function killAtRandom(test: Suite, victims: readonly Victim[]): readonly Killed[] {
  const all: Killed[] = [];
  for (const [index, victim] of victims.entries())
    test(victim.name, async () => void all.push(...(await killOne(victim, index))), {
      timeoutMs: TIMEOUT_MS,
    });
  return all;
}

/** The last test: there were as many kills as told, and a fair share of them hit while it was writing. */
export function assertShare(all: readonly Killed[], least: number): void {
  console.log(`all: ${summary(all)}`);
  assert.ok(all.length >= least, `${all.length} kills`);
  assert.ok(countOf(all, 'within') >= all.length / 3, summary(all));
}

async function killOne(victim: Victim, seed: number): Promise<Killed[]> {
  const stages = await Promise.all(Array.from({ length: AT_A_TIME }, () => Stage.of(victim)));
  try {
    const courses = await Promise.all(stages.map((stage) => stage.course()));
    const random = new Random(seed);
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
    return kills;
  } finally {
    for (const stage of stages) stage.cleanUp();
  }
}

/** Mostly at one of its writes, else at any time after the first, seldom before. */
function momentIn({ changes, untilFirst, fromFirst }: Course, random: Random): Moment {
  if (random.chance(0.08)) return { change: 0, delay: random.below(untilFirst) };
  if (random.chance(0.6)) return { change: random.between(1, changes), delay: 0 };
  return { change: 1, delay: random.below(fromFirst) };
}
