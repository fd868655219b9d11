import { setImmediate as turn } from 'node:timers/promises';
import { Dice } from '../../src/device/crash/dice.js';
import { type Outcome, outcomesAt } from '../../src/device/crash/outcomes.js';
import { Recording } from '../../src/device/crash/recording.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { RecordingDevice } from '../../src/device/filters/recording-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { buildImage, DEFAULTS, type Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { LateDevice } from './late-device.js';
import { towards } from './moving.js';
import { activeOf } from './section-8.js';
import { remapped, SECTOR, settings } from './stand.js';
import { flush, forgiving, putBack, SECTORS, stamp, Witness, write } from './witness.js';

/**
 * Main, the old spare and the new one lose power, each by itself, at every moment of a migration under load:
 * exactly one spare is active, and on it is all that a FLUSH was answered for.
 */

const test = suite('power cuts under a live migration');

/** States that are tried of one instant. */
const [MANY, FEW] = [64, 12];
const TARGET = Buffer.from('aaaaaaaabbbb4ccc8ddd555555555555', 'hex');
const SHAPE = { layout: 'redundant', maxEntries: 8, mainSectors: SECTORS } as const;
const ENTRIES: readonly Entry[] = [
  [3, 16],
  [4, 17],
  [17, 20],
];

interface Explored {
  readonly states: number;
  readonly flushes: number;
  readonly phase: string;
  /** States in which the new spare is the active one. */
  readonly moved: number;
}

async function explore(seed: number, failing?: number, isSpoilt = false): Promise<Explored> {
  const dice = new Dice(seed);
  const recording = new Recording(failing);
  const start = images();
  const [mainMedium, fromMedium, toMedium] = start.map((image) => new MemoryDevice(image.slice()));
  const late = (medium: MemoryDevice | undefined) =>
    new LateDevice(new RecordingDevice(medium as MemoryDevice, recording), dice);
  const main = new ErrorDevice(late(mainMedium));
  const [from, to] = [new ErrorDevice(late(fromMedium)), late(toMedium)];
  // places of the old spare that take no more writes: their sectors get others while all is copied
  for (const sector of isSpoilt ? [16, 20] : []) from.addFault({ sector, on: 'write' });
  for (let count = 0; isSpoilt && count < 2; count++)
    from.addFault({ sector: 16 + dice.below(12), on: 'write', times: 1 + dice.below(2) });
  for (let count = 0; count < 3; count++) main.addFault({ sector: dice.below(SECTORS), on: 'write' });
  const witness = new Witness();
  let phase = 'none';
  const isOpen = await forgiving(
    RemapSet.open(main, from, settings()).then(async (set) => {
      await work(set, main, to, witness, recording, dice);
      phase = set.facts.migration?.phase ?? 'none';
      await set.close();
    }),
  );
  assert.ok(isOpen || failing !== undefined);
  let [states, moved] = [0, 0];
  for (const instant of recording.end())
    for (const outcome of outcomesAt(instant, failing === undefined ? MANY : FEW, dice)) {
      states++;
      if (judgeState(start, outcome, instant.answered, witness) === 'to') moved++;
    }
  return { states, flushes: recording.flushes, phase, moved };
}

/** Main, the spare in use with data of others all over it, and the target. */
function images(): readonly Uint8Array[] {
  const main = new Uint8Array(SECTORS * SECTOR);
  for (let sector = 0; sector < SECTORS; sector++) main.set(stamp(sector, 0), sector * SECTOR);
  const from = buildImage({ ...SHAPE, sectors: 44, entries: ENTRIES });
  for (let sector = 9; sector < 27; sector++) from.set(stamp(1000 + sector, 9), sector * SECTOR);
  for (const [owner, place] of ENTRIES) from.set(stamp(Number(owner), 0), Number(place) * SECTOR);
  const fields = { spare_uuid: TARGET, peer_uuid: DEFAULTS.spareUuid };
  const to = buildImage({ ...SHAPE, sectors: 48, role: 1, fields });
  for (let sector = 9; sector < 31; sector++) to.set(stamp(2000 + sector, 9), sector * SECTOR);
  return [main, new Uint8Array(from), new Uint8Array(to)];
}

async function work(
  set: RemapSet,
  main: ErrorDevice,
  to: LateDevice,
  witness: Witness,
  recording: Recording,
  dice: Dice,
): Promise<void> {
  await write(set, witness, dice);
  await forgiving(set.migrate(towards(to)));
  for (let step = 0; step < 10 || set.facts.migration?.isUnderWay === true; step++) {
    const choice = dice.below(12);
    if (choice < 7) await Promise.all([write(set, witness, dice), write(set, witness, dice)]);
    else if (choice < 9) await flush(set, witness, recording);
    else if (choice < 10) await putBack(set, main, dice);
    else for (let turns = dice.below(20); turns > 0; turns--) await turn();
  }
  await flush(set, witness, recording);
}

/** Which spare is active. */
function judgeState(
  start: readonly Uint8Array[],
  outcome: Outcome,
  flushes: number,
  witness: Witness,
): 'from' | 'to' {
  const media = start.map((image) => image.slice());
  for (const [medium, cells] of outcome.entries())
    for (const [key, value] of cells)
      if (typeof key === 'number' && value instanceof Uint8Array) media[medium]?.set(value, key * SECTOR);
  const [main, from, to] = media.map((image) => Buffer.from(image)) as [Buffer, Buffer, Buffer];
  const active = activeOf(from, to);
  assert.ok(active !== undefined, 'no spare is active, or more than one');
  const image = active === 'from' ? from : to;
  assert.ok(judge(image).truth !== null, `${active} cannot be read`);
  const told = remapped({ mainMedium: new MemoryDevice(main), spareMedium: new MemoryDevice(image) });
  for (let sector = 0; sector < SECTORS; sector++) {
    const data = told.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    assert.is(witness.judge(sector, data, flushes), undefined, active);
  }
  return active;
}

function summary(all: readonly Explored[]): string {
  const states = all.reduce((sum, one) => sum + one.states, 0);
  const moved = all.reduce((sum, one) => sum + one.moved, 0);
  const done = all.filter(({ phase }) => phase === 'done').length;
  return `${states} states, the new spare is active in ${moved}; ${done} of ${all.length} migrations came to their end`;
}

test('one spare is active in every state, and has all that was flushed', async () => {
  const all: Explored[] = [];
  for (let seed = 0; seed < 28; seed++) all.push(await explore(seed));
  console.log(summary(all));
  assert.ok(all.every(({ phase }) => phase === 'done'));
  assert.ok(all.reduce((sum, { states }) => sum + states, 0) > 20_000);
});

test('also where places on the old spare take no more writes', async () => {
  const all: Explored[] = [];
  for (let seed = 200; seed < 214; seed++) all.push(await explore(seed, undefined, true));
  console.log(summary(all));
  assert.ok(all.some(({ phase }) => phase === 'done'));
});

test('also where a flush of one of the three fails', async () => {
  const all: Explored[] = [];
  for (const seed of [100, 101]) {
    const whole = await explore(seed);
    for (let failing = 0; failing < whole.flushes; failing++) all.push(await explore(seed, failing));
  }
  console.log(summary(all));
  assert.ok(all.some(({ phase }) => phase === 'failed') && all.some(({ phase }) => phase === 'done'));
});
