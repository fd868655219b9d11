import * as fc from 'fast-check';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { carryOut, type Phase } from '../../src/store/phase.js';
import type { SavedUndo } from '../../src/undo/reader.js';
import { compareWithUndo, putBackPhases } from '../../src/undo/verify.js';
import { saveUndo, type UndoTarget } from '../../src/undo/writer.js';
import { Scratch } from '../device/scratch.js';
import { assert, suite } from '../support/harness.js';
import { descriptionFor, numberedDevice, opened, phasesOf, SECTOR } from './support.js';

const test = suite('undo');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

let files = 0;

async function saved(...targets: UndoTarget[]): Promise<SavedUndo> {
  const description = descriptionFor(targets[0]?.device.size ?? 0);
  const main = targets.some(({ side }) => side === 'main') ? { ...description.spare } : undefined;
  const path = scratch.path(`${files++}.undo`);
  await saveUndo({ targets, path, description: { ...description, main } });
  return opened(path);
}

const SECTORS = 32;

/** [first sector, sectors, filling byte] of each write of each phase; 0 may leave a sector as it was. */
const changes = fc
  .array(
    fc.array(fc.tuple(fc.nat(SECTORS - 1), fc.integer({ min: 1, max: 8 }), fc.nat(3)), { maxLength: 4 }),
    { minLength: 1, maxLength: 4 },
  )
  .map((lists) =>
    phasesOf(
      ...lists.map((list) =>
        list.map(([at, count, fill]) => [at, Math.min(count, SECTORS - at), fill] as const),
      ),
    ),
  );

/** Carries out some phases whole and leaves of the next one any choice of sectors, as a power cut does. */
function cut(
  disk: Uint8Array,
  phases: readonly Phase[],
  whole: number,
  keep: (nth: number) => boolean,
): void {
  let nth = 0;
  for (const [index, { writes }] of phases.slice(0, whole + 1).entries())
    for (const { at, bytes } of writes)
      for (let from = 0; from < bytes.length; from += SECTOR)
        if (index < whole || keep(nth++)) disk.set(bytes.subarray(from, from + SECTOR), at + from);
}

test('putting back after any change gives the original, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(changes, fc.uint8Array({ minLength: 1, maxLength: 16 }), async (phases, seed) => {
      const original = new Uint8Array(SECTORS * SECTOR);
      for (let at = 0; at < original.length; at++) original[at] = (seed[at % seed.length] ?? 0) & 3;
      const device = new MemoryDevice(new Uint8Array(original));
      const undo = await saved({ side: 'spare', device, phases });
      try {
        assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'before');
        await carryOut(device, phases);
        const { standing } = await compareWithUndo(undo, 'spare', device);
        const unchanged = Buffer.compare(device.content, original) === 0;
        assert.is(standing, unchanged ? 'before' : 'after');
        await carryOut(device, await putBackPhases(undo, 'spare'));
        assert.equal(device.content, original);
      } finally {
        await undo.close();
      }
    }),
    { numRuns: 150 },
  );
});

test('a change cut short anywhere is known as such, and can be put back', async () => {
  await fc.assert(
    fc.asyncProperty(changes, fc.nat(3), fc.infiniteStream(fc.boolean()), async (phases, whole, coins) => {
      const original = numberedDevice(SECTORS).content;
      const device = new MemoryDevice(new Uint8Array(original));
      const undo = await saved({ side: 'spare', device, phases });
      try {
        cut(device.content, phases, Math.min(whole, phases.length - 1), () => coins.next().value === true);
        const { standing, changed } = await compareWithUndo(undo, 'spare', device);
        assert.is.not(standing, 'changed');
        assert.is(changed, 0);
        await carryOut(device, await putBackPhases(undo, 'spare'));
        assert.equal(device.content, original);
      } finally {
        await undo.close();
      }
    }),
    { numRuns: 150 },
  );
});

test('a putting back that is cut short can be repeated', async () => {
  const device = numberedDevice(SECTORS);
  const original = new Uint8Array(device.content);
  const phases = phasesOf([[0, 6, 1]], [[20, 6, 2]], [[0, 1, 3]]);
  const undo = await saved({ side: 'spare', device, phases });
  await carryOut(device, phases);
  const back = await putBackPhases(undo, 'spare');
  cut(device.content, back, 1, (nth) => nth % 2 === 0);
  assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'between');
  await carryOut(device, back);
  assert.equal(device.content, original);
  await undo.close();
});

test('what was changed since is counted and placed', async () => {
  const device = numberedDevice(SECTORS);
  const phases = phasesOf([[4, 8, 1]]);
  const undo = await saved({ side: 'spare', device, phases });
  await carryOut(device, phases);
  device.content.fill(9, 20 * SECTOR, 21 * SECTOR); // not among what was overwritten
  assert.equal(await compareWithUndo(undo, 'spare', device), {
    standing: 'after',
    changed: 0,
    firstChanged: undefined,
  });
  device.content.fill(9, 6 * SECTOR + 100, 8 * SECTOR);
  assert.equal(await compareWithUndo(undo, 'spare', device), {
    standing: 'changed',
    changed: 2,
    firstChanged: 6 * SECTOR,
  });
  const shrunk = new MemoryDevice(new Uint8Array(8 * SECTOR));
  assert.is((await compareWithUndo(undo, 'spare', shrunk)).standing, 'changed');
  await undo.close();
});

test('phases are put back in reverse order', async () => {
  const device = numberedDevice(SECTORS);
  const phases = phasesOf([[8, 4, 1]], [[0, 2, 2]], [[30, 1, 3]]);
  const undo = await saved({ side: 'spare', device, phases });
  const log = new LogDevice(device);
  const back = await putBackPhases(undo, 'spare');
  await carryOut(log, back);
  const writes = ['write 15360+512', 'flush', 'write 0+1024', 'flush', 'write 4096+2048', 'flush'];
  assert.equal(log.lines(), ['flush', ...writes]);
  assert.is(back[0]?.purpose, 'put back what repair overwrote (1 of 3)');
  await undo.close();
});

test('spare and main are kept apart', async () => {
  const [spare, main] = [numberedDevice(SECTORS), numberedDevice(SECTORS)];
  main.content.fill(0xee);
  const onSpare = phasesOf([[1, 1, 1]]);
  const onMain = phasesOf([[1, 2, 2]]);
  const undo = await saved(
    { side: 'spare', device: spare, phases: onSpare },
    { side: 'main', device: main, phases: onMain },
  );
  await carryOut(main, onMain);
  assert.is((await compareWithUndo(undo, 'main', main)).standing, 'after');
  assert.is((await compareWithUndo(undo, 'spare', spare)).standing, 'before');
  assert.is((await compareWithUndo(undo, 'main', spare)).standing, 'changed');
  await carryOut(main, await putBackPhases(undo, 'main'));
  assert.equal(main.content, new Uint8Array(SECTORS * SECTOR).fill(0xee));
  await undo.close();
});

test('what could not be read is left as it is', async () => {
  const inner = numberedDevice(SECTORS);
  const original = new Uint8Array(inner.content);
  const device = new ErrorDevice(inner);
  device.addFault({ sector: 5, count: 2, on: 'read' });
  const phases = phasesOf([[4, 8, 1]]);
  const undo = await saved({ side: 'spare', device, phases });
  assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'before');
  await carryOut(device, phases);
  device.clearFaults(); // writing has healed it
  assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'after');
  await carryOut(device, await putBackPhases(undo, 'spare'));
  original.fill(1, 5 * SECTOR, 7 * SECTOR);
  assert.equal(inner.content, original);
  device.addFault({ sector: 8, on: 'read' });
  assert.is((await compareWithUndo(undo, 'spare', device)).standing, 'changed');
  await undo.close();
});
