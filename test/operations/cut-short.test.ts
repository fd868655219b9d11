import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Mode } from '../../src/check/checker.js';
import { openDevice } from '../../src/device/open.js';
import { encodeEntries, RemapTable } from '../../src/format/entry.js';
import { checkSpares, isFailure } from '../../src/operations/check-many.js';
import { diagnoseAsCheck } from '../../src/operations/full-diagnosis.js';
import { readInfo, verdictOf } from '../../src/operations/info.js';
import { carryOutWithUndo, withUndo } from '../../src/operations/undo-files.js';
import { commit } from '../../src/store/commit.js';
import { contentOf, nextContent } from '../../src/store/content.js';
import type { Phase, Write } from '../../src/store/phase.js';
import { stepBetween } from '../../src/store/step.js';
import { isRefusal } from '../../src/undo/format.js';
import { openUndo } from '../../src/undo/reader.js';
import { bytes, SECTOR_SIZE } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** A plain image has one copy: a change that a power cut ends is taken back from its undo file by check -p. */

const test = suite('changes of plain images that a power cut ends');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const BEFORE: Entry[] = Array.from({ length: 70 }, (_, index) => [1000 + index, 60 + index]);
const AFTER: Entry[] = BEFORE.map(([main, spare], index) =>
  index % 33 === 0 ? [Number(main) + 500, spare] : [main, spare],
);

/** The change as the program would write it, as its sectors of 512 bytes. */
function change(image: Buffer): { phases: Phase[]; sectors: Write[] } {
  const table = (entries: readonly Entry[]) =>
    new RemapTable(encodeEntries(entries.map(([main, spare]) => [BigInt(main), BigInt(spare)])));
  const before = contentOf(new Uint8Array(image.subarray(0, 4096)), table(BEFORE));
  const step = stepBetween(before, nextContent(before, {}, 1_700_000_000n, table(AFTER)));
  const phases = commit(step, SECTOR_SIZE);
  const sectors = phases
    .flatMap(({ writes }) => writes)
    .flatMap(({ at, bytes: written }) =>
      Array.from({ length: written.length / SECTOR_SIZE }, (_, index) => ({
        at: bytes(at + index * SECTOR_SIZE),
        bytes: written.subarray(index * SECTOR_SIZE, (index + 1) * SECTOR_SIZE),
      })),
    )
    .filter(({ at, bytes: written }) => !image.subarray(at, at + SECTOR_SIZE).equals(written));
  return { phases, sectors };
}

const OPTIONS = {
  command: 'restore',
  now: 1_700_000_000n,
  place: {},
  identity: { mainId: '', kind: 'image' },
  spareUuid: undefined,
  setUuid: undefined,
  generation: 1,
} as const;

/** Begins the change under an undo file and ends it, as a power cut does, with these sectors written. */
async function cutShort(path: string, phases: readonly Phase[], written: readonly Write[]): Promise<void> {
  const device = await openDevice(path, { mode: 'exclusive' });
  await withUndo(device, phases, OPTIONS, async () => {
    for (const { at, bytes: content } of written) await device.write(at, content);
    throw new Error('power cut');
  }).catch(() => undefined);
  await device.close();
}

test('every state of a cut ends as before or as after the change', async () => {
  const image = buildImage({
    layout: 'plain',
    sectors: 400,
    maxEntries: 100,
    entries: BEFORE,
    mainSectors: 100_000,
  });
  const { phases, sectors } = change(image);
  assert.ok(sectors.length >= 3);
  let [takenBack, kept] = [0, 0];
  for (let subset = 0; subset < 2 ** sectors.length; subset++) {
    const state = scratch.path(`state-${subset}`);
    process.env['DMREMAP_STATE_DIR'] = state;
    const path = scratch.path(`cut-${subset}.img`);
    writeFileSync(path, image);
    await cutShort(
      path,
      phases,
      sectors.filter((_, index) => (subset >> index) & 1),
    );
    const damaged = readFileSync(path);
    const looked = await checked(path, 'read');
    assert.ok(readFileSync(path).equals(damaged), 'a read changes nothing');
    const { exitCode } = await checked(path, 'preen');
    const after = judge(readFileSync(path));
    assert.is(after.n, 0);
    if (looked.exitCode === 0) {
      kept++;
      assert.is(exitCode, 0);
    } else {
      takenBack++;
      assert.is(exitCode, 1);
      assert.equal(
        looked.remaining.map(({ id }) => id),
        ['change-cut-short'],
      );
      assert.ok(readFileSync(path).equals(image), 'byte for byte as before');
    }
    const undo = await openUndo(`${state}/${undoName(looked.found.problems[0]?.stored, state)}`);
    assert.not(isRefusal(undo));
    if (!isRefusal(undo)) {
      assert.is(undo.state, 'finished');
      await undo.close();
    }
  }
  console.log(`${2 ** sectors.length} states: ${takenBack} taken back, ${kept} whole`);
  assert.is(kept, 2);
});

test('a later change ends it, also one of which nothing is saved', async () => {
  const image = buildImage({
    layout: 'plain',
    sectors: 400,
    maxEntries: 100,
    entries: BEFORE,
    mainSectors: 100_000,
  });
  const { phases, sectors } = change(image);
  for (const none of [false, true]) {
    const state = scratch.path(`ended-${none}`);
    process.env['DMREMAP_STATE_DIR'] = state;
    const path = scratch.path(`ended-${none}.img`);
    writeFileSync(path, image);
    await cutShort(path, phases, sectors);
    const [earlier = ''] = readdirSync(state);
    const device = await openDevice(path, { mode: 'exclusive' });
    const erased = [{ purpose: 'erase', writes: [{ at: bytes(0), bytes: new Uint8Array(SECTOR_SIZE) }] }];
    await carryOutWithUndo(device, erased, { ...OPTIONS, place: { none } });
    await device.close();
    const undo = await openUndo(`${state}/${earlier}`);
    assert.not(isRefusal(undo));
    if (isRefusal(undo)) continue;
    assert.is(undo.state, 'finished');
    await undo.close();
  }
});

async function checked(path: string, mode: Mode) {
  const [outcome] = await checkSpares([path], { mode, now: 1n });
  assert.ok(outcome !== undefined && !isFailure(outcome));
  return outcome;
}

function undoName(stored: unknown, state: string): string {
  if (typeof stored === 'string') return stored.slice(state.length + 1);
  return readdirSync(state)[0] ?? '';
}

test('info and status see what check sees: headers that a change cut short has erased', async () => {
  process.env['DMREMAP_STATE_DIR'] = scratch.path('erased-state');
  const path = scratch.path('erased.img');
  writeFileSync(path, buildImage({ layout: 'plain', sectors: 400, maxEntries: 100, entries: BEFORE }));
  const writes = [{ at: bytes(0), bytes: new Uint8Array(SECTOR_SIZE) }];
  await cutShort(path, [{ purpose: 'erase', writes }], writes);
  const now = 1_700_000_001n;
  for (const diagnosis of [(await readInfo(path, { now })).diagnosis, await diagnoseAsCheck(path, now)]) {
    assert.equal(
      diagnosis.problems.map(({ id }) => id),
      ['change-cut-short'],
    );
    assert.is(verdictOf(diagnosis), 4);
  }
});
