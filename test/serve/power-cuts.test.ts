import { Dice } from '../../src/device/crash/dice.js';
import { type Outcome, outcomesAt } from '../../src/device/crash/outcomes.js';
import { Recording } from '../../src/device/crash/recording.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { RecordingDevice } from '../../src/device/filters/recording-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { bytes } from '../../src/units.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { LateDevice } from './late-device.js';
import { remapped, SECTOR, settings } from './stand.js';
import { flush, forgiving, putBack, SECTORS, stamp, Witness, write } from './witness.js';

/**
 * Main and spare lose power together, at every moment and with every loss that section 4 of the format allows:
 * what a FLUSH was answered for is there, and no sector holds what was never written to it.
 */

const test = suite('power cuts under the remap device');

const OUTCOMES = 40;

/** Entries whose places are to fail, in part. */
const SPOILT = [
  [2, 18],
  [3, 19],
  [7, 24],
] as const;

interface Cut {
  readonly states: number;
  readonly flushes: number;
}

async function explore(seed: number, failing?: number, isSpoilt = false): Promise<Cut> {
  const dice = new Dice(seed);
  const recording = new Recording(failing);
  const mainMedium = new MemoryDevice(new Uint8Array(SECTORS * SECTOR), { name: 'main' });
  for (let sector = 0; sector < SECTORS; sector++) mainMedium.content.set(stamp(sector, 0), sector * SECTOR);
  const entries = isSpoilt ? SPOILT : [];
  const image = buildImage({
    layout: 'redundant',
    sectors: isSpoilt ? 48 : 40,
    maxEntries: 6,
    mainSectors: SECTORS,
    entries,
  });
  // data of others lies all over the spare
  for (let sector = 9; sector < 31; sector++) image.set(stamp(1000 + sector, 9), sector * SECTOR);
  for (const [sector, place] of entries) image.set(stamp(sector, 0), place * SECTOR);
  const spareMedium = new MemoryDevice(new Uint8Array(image), { name: 'spare' });
  const start = { main: mainMedium.content.slice(), spare: spareMedium.content.slice() };
  const main = new ErrorDevice(new RecordingDevice(mainMedium, recording));
  const recorded = new RecordingDevice(spareMedium, recording);
  const spare = new ErrorDevice(isSpoilt ? new LateDevice(recorded, dice) : recorded);
  // places that take no more writes: those of the first entries, and some that would be the next
  for (const [, place] of entries.slice(0, 2)) spare.addFault({ sector: place, on: 'write' });
  for (let count = 0; isSpoilt && count < 3; count++)
    spare.addFault({ sector: 16 + dice.below(16), on: 'write', times: 1 + dice.below(3) });
  for (let count = 0; count < 6; count++) main.addFault({ sector: dice.below(SECTORS), on: 'write' });
  const witness = new Witness();
  const set = await RemapSet.open(main, spare, settings()).catch((error: unknown) => {
    if (error instanceof DmremapError) return undefined;
    throw error;
  });
  if (set !== undefined) await work(set, main, witness, recording, dice);
  let states = 0;
  for (const instant of recording.end())
    for (const outcome of outcomesAt(instant, OUTCOMES, dice)) {
      states++;
      await judgeState(start, outcome, instant.answered, witness);
    }
  return { states, flushes: recording.flushes };
}

async function work(set: RemapSet, main: ErrorDevice, witness: Witness, recording: Recording, dice: Dice) {
  for (let step = 0; step < 14; step++) {
    const choice = dice.below(10);
    if (choice < 6) await Promise.all([write(set, witness, dice), write(set, witness, dice)]);
    else if (choice < 7)
      await Promise.all([
        write(set, witness, dice),
        flush(set, witness, recording),
        write(set, witness, dice),
      ]);
    else if (choice < 8) await flush(set, witness, recording);
    else if (choice < 9) await putBack(set, main, dice);
    else main.clearFaults();
  }
  await flush(set, witness, recording);
  await forgiving(set.close());
}

async function judgeState(
  start: { readonly main: Uint8Array; readonly spare: Uint8Array },
  [main, spare]: Outcome,
  flushes: number,
  witness: Witness,
): Promise<void> {
  const media = [start.main.slice(), start.spare.slice()] as const;
  for (const [medium, cells] of [main, spare].entries())
    for (const [key, value] of cells ?? [])
      if (typeof key === 'number' && value instanceof Uint8Array) media[medium]?.set(value, key * SECTOR);
  const mainMedium = new MemoryDevice(media[0]);
  const spareMedium = new MemoryDevice(media[1]);
  const told = remapped({ mainMedium, spareMedium });
  const read = new Uint8Array(told.length);
  const set = await RemapSet.open(mainMedium, spareMedium, settings());
  assert.equal(await set.device.read(bytes(0), read), []);
  await set.close();
  assert.is(Buffer.compare(told, read), 0, 'the independent reader finds other data');
  for (let sector = 0; sector < SECTORS; sector++) {
    const data = told.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    assert.is(witness.judge(sector, data, flushes), undefined);
  }
}

test('no flushed write is lost, no sector holds data of another', async () => {
  let states = 0;
  for (let seed = 0; seed < 24; seed++) states += (await explore(seed)).states;
  console.log(`${states} states`);
  assert.ok(states > 4000, `${states} states`);
});

test('nor where places on the spare take no more writes, and their sectors get others', async () => {
  let states = 0;
  for (let seed = 200; seed < 216; seed++) states += (await explore(seed, undefined, true)).states;
  console.log(`${states} states`);
  assert.ok(states > 2000, `${states} states`);
});

test('nor where a flush fails once and then succeeds', async () => {
  let states = 0;
  for (let seed = 100; seed < 102; seed++) {
    const { flushes } = await explore(seed);
    for (let failing = 0; failing < flushes; failing++) states += (await explore(seed, failing)).states;
  }
  console.log(`${states} states`);
  assert.ok(states > 4000, `${states} states`);
});
