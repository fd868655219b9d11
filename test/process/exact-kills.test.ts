import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { type Killed, onStages, recover, summary } from './kill.js';
import { AT_A_TIME, Stage } from './stage.js';
import { shown, VICTIMS, type Victim } from './victims.js';
import type { Call } from './watched.js';

/**
 * As random-kills.ts, but the process is killed just as it makes a certain write or flush; and where that left
 * all as it was, the same line can be typed again.
 */

const test = suite('killed at a write or flush');

const TIMEOUT_MS = 120_000;

/** Of all writes and flushes that a process makes, on undo files too: close together at first. */
const POINTS: readonly (readonly [call: Call, nth: number])[] = [
  ...[1, 4, 9, 16, 25].map((nth) => ['pwrite64', nth] as const),
  ...[2, 3, 5, 7].map((nth) => ['fsync', nth] as const),
];

for (const victim of VICTIMS)
  test(
    victim.name,
    async () => {
      needs('strace');
      const stages = await Promise.all(Array.from({ length: AT_A_TIME }, () => Stage.of(victim)));
      try {
        const kills: Killed[] = [];
        await onStages(stages, POINTS, async (stage, [call, nth]) => {
          if (!(await stage.killedAtCall(call, nth))) return;
          const killed = await recover(stage, victim, `at ${call} ${nth}`);
          if (killed.found === 'old') await assertGoesThrough(stage, victim);
          kills.push(killed);
        });
        console.log(`${victim.name}: ${summary(kills)}`);
        assert.ok(kills.length >= 3, 'few of these points were met');
      } finally {
        for (const stage of stages) stage.cleanUp();
      }
    },
    { timeoutMs: TIMEOUT_MS },
  );

async function assertGoesThrough(stage: Stage, { name, line, after }: Victim): Promise<void> {
  const { code, stderr } = await stage.run(line);
  assert.is(code, 0, `${name}, again: ${stderr}`);
  assert.is(shown(stage.image, judge(stage.image).truth ?? []), after, name);
}
