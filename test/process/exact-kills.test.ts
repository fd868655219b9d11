import { assert, needs, suite } from '../support/harness.js';
import { type Killed, onStages, recover, summary } from './kill.js';
import { AT_A_TIME, type Call, Stage } from './stage.js';
import { VICTIMS } from './victims.js';

/** As kills.test.ts, but the process is killed just as it makes a certain write or flush. */

const test = suite('killed at a write or flush');

const TIMEOUT_MS = 120_000;

/** Of all writes and flushes that a process makes, on undo files too: close together at first. */
const POINTS: readonly (readonly [call: Call, nth: number])[] = [
  ...[1, 3, 6, 10, 15, 21, 28].map((nth) => ['pwrite64', nth] as const),
  ...[1, 2, 3, 4, 6, 8].map((nth) => ['fsync', nth] as const),
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
          if (await stage.killedAtCall(call, nth))
            kills.push(await recover(stage, victim, `at ${call} ${nth}`));
        });
        console.log(`${victim.name}: ${summary(kills)}`);
        assert.ok(kills.length >= 4, 'few of these points were met');
      } finally {
        for (const stage of stages) stage.cleanUp();
      }
    },
    { timeoutMs: TIMEOUT_MS },
  );
