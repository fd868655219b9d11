import { Dice } from '../../../src/device/crash/dice.js';
import { assert, suite } from '../../support/harness.js';
import { explore, type Scene } from './explore.js';
import {
  givingUp,
  goingBack,
  goingBackAgain,
  resuming,
  resumingChanged,
  type Start,
  starting,
  world,
} from './scenes.js';
import type { World } from './world.js';

/** Both devices of a migration lose power, independently, at every point (explore.ts). */

const test = suite('power cuts of a migration');

const CLEAN: Start = { layout: 'redundant', condition: 'clean', blockSize: 512, entries: 7, target: 200 };

/** Redundant and plain, whole and not, larger and smaller targets, 4Kn. */
const STARTS: readonly Start[] = [
  CLEAN,
  { ...CLEAN, layout: 'plain', target: 64 },
  { ...CLEAN, blockSize: 4096, target: 128 },
  { ...CLEAN, layout: 'plain', blockSize: 4096 },
  { ...CLEAN, condition: 'dirty', entries: 12, target: 64 },
  { ...CLEAN, entries: 0 },
];

const WOUNDED: readonly Start[] = [
  { ...CLEAN, condition: 'stale primary' },
  { ...CLEAN, condition: 'stale backup' },
  { ...CLEAN, condition: 'primary erased' },
  { ...CLEAN, condition: 'backup erased' },
  { ...CLEAN, condition: 'backup unwritable' },
  { ...CLEAN, condition: 'primary unwritable' },
  { ...CLEAN, layout: 'plain', condition: 'dirty' },
];

type Make = (state: World, dice: Dice) => Promise<Scene>;

const HAS_ENTRIES = STARTS.filter(({ entries }) => entries > 0);
const WORKS: readonly (readonly [name: string, make: Make, starts: readonly Start[]])[] = [
  ['start', starting, [...STARTS, ...WOUNDED]],
  ['resume', resuming, HAS_ENTRIES],
  ['resume after FROM has changed', resumingChanged, HAS_ENTRIES],
  ['give up', givingUp, HAS_ENTRIES],
  ['go back', goingBack, HAS_ENTRIES],
  ['resume going back', goingBackAgain, HAS_ENTRIES],
];

let total = 0;

for (const [index, [name, make, starts]] of WORKS.entries())
  test(
    name,
    async () => {
      const dice = new Dice(1000 + index);
      const sum = { states: 0, recovered: 0, second: 0, failed: 0 };
      for (const start of starts) {
        const scene = await make(await world(start, dice), dice);
        const tally = await explore(scene, {
          dice,
          mostOfInstant: starts.length > 6 ? 24 : 60,
          failingFlushes: 6,
          recoverEvery: 5,
          againEvery: 30,
        });
        for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += tally[key];
      }
      console.log(
        `${name}: ${sum.states} states, ${sum.recovered} recovered, ${sum.second} of a second cut, ${sum.failed} failing flushes`,
      );
      total += sum.states + sum.second;
      assert.ok(sum.states > 150);
    },
    { timeoutMs: 300_000 },
  );

test('how many states were tried', () => {
  console.log(`${total} states of a power cut`);
  assert.ok(total >= 10_000);
});
