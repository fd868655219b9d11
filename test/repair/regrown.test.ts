import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { examine, settle } from '../../src/operations/check.js';
import { restoreSpare } from '../../src/operations/restore.js';
import { chooseCopy } from '../../src/store/choose.js';
import { loadCopies } from '../../src/store/load.js';
import { bytes } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { redundantGeometry } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** A device that grows, is cut short in its move, grows again and shrinks back: no generation has two contents. */

const test = suite('regrown devices');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const NOW = 1_750_000_000n;
const MAX = 252;
const ENTRIES: readonly Entry[] = Array.from({ length: 100 }, (_, index): Entry => [index * 9, 16 + index]);
const [SMALL, MIDDLE, LARGE] = [264, 400, 640];

function setOf(sectors: number, generation: number, state = 0): Buffer {
  return buildImage({ layout: 'redundant', sectors, maxEntries: MAX, entries: ENTRIES, generation, state });
}

/** The set of the small device, on the large one, with the backup that a move to the middle size has left. */
function regrown(generation: number, left: number, primary: (image: Buffer) => void = () => {}): Buffer {
  const image = Buffer.alloc(LARGE * 512);
  setOf(SMALL, generation).copy(image);
  const from = redundantGeometry(MIDDLE, MAX).backupTable * 512;
  setOf(MIDDLE, left).copy(image, from, from);
  primary(image);
  return image;
}

const CASES: readonly (readonly [name: string, image: Buffer])[] = [
  ['the next generation', regrown(1, 2)],
  ['a generation of an earlier attempt', regrown(1, 6)],
  ['a generation beyond the wrap', regrown(0xffff_ffff, 1)],
  ['an older generation', regrown(9, 2)],
  ['the next generation, and the primary is damaged', regrown(1, 2, (image) => image.fill(7, 4096, 4608))],
];

for (const [name, image] of CASES) {
  test(`${name} was left`, async () => {
    const path = put(name, image);
    const options = { mode: 'yes', now: NOW } as const;
    const { exitCode } = await settle(await examine(path, options), options);
    assert.is(exitCode, 1);
    await assertNewest(path);
  });

  test(`${name} was left, and a dump is restored`, async () => {
    const path = put(`${name}, restored`, image);
    const set = setOf(SMALL, 1);
    const table = set.subarray(4096, 4096 + ENTRIES.length * 16);
    const input = {
      device: { size: bytes(LARGE * 512), serial: undefined },
      valid: true,
      block: set.subarray(0, 4096),
      table,
    };
    const undo = { none: true };
    await restoreSpare(path, {
      input,
      sameDevice: true,
      acceptGuess: true,
      approve: async () => true,
      undo,
      now: NOW,
    });
    await assertNewest(path);
  });
}

function put(name: string, image: Buffer): string {
  const path = scratch.path(`${name}.img`);
  writeFileSync(path, image);
  return path;
}

/** What was written last is what counts, also when the device shrinks back to where the other move had left its own. */
async function assertNewest(path: string): Promise<void> {
  const corrected = readFileSync(path);
  assert.equal(judge(corrected).why, []);
  truncateSync(path, MIDDLE * 512);
  const back = readFileSync(path);
  const { chosen, others } = chooseCopy(await loadCopies(new MemoryDevice(new Uint8Array(back))));
  assert.is(chosen?.name, 'primary', 'what was written last');
  assert.not(others.some(({ standing }) => standing === 'differs'));
  assert.ok(judge(back).dumpable, 'the independent reader chooses one, too');
}
