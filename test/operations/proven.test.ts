import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { judge as verdictOf } from '../../src/check/checker.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { openDevice } from '../../src/device/open.js';
import { checkSpares, isFailure, type Mode } from '../../src/operations/check-many.js';
import type { CheckReport } from '../../src/operations/check-report.js';
import { diagnose } from '../../src/operations/diagnose.js';
import { findProven, type ProvenContent } from '../../src/operations/proven.js';
import { withUndo } from '../../src/operations/undo-files.js';
import { carryOut, type Write } from '../../src/store/phase.js';
import { isRefusal } from '../../src/undo/format.js';
import { openUndo } from '../../src/undo/reader.js';
import { bytes, SECTOR_SIZE } from '../../src/units.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, endPlace, patch } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { mutation } from '../support/mutate.js';
import { judge } from '../support/reader.js';

/** What check -y does where no copy is valid and one content is proven. */

const test = suite('check -y with a proven content');
const scratch = new Scratch();
test.after(() => scratch.cleanUp());

const NOW = 1_750_000_000n;

/** A folder of undo files and an image file of its own. */
function put(name: string, image: Buffer): string {
  process.env['DMREMAP_STATE_DIR'] = scratch.path(`${name}.state`);
  const path = scratch.path(name);
  writeFileSync(path, image);
  return path;
}

async function checkSpare(path: string, mode: Mode): Promise<CheckReport> {
  const [outcome] = await checkSpares([path], { mode, now: NOW });
  if (outcome === undefined || isFailure(outcome)) throw outcome?.error ?? new Error('nothing was checked');
  return outcome;
}

function idsOf(problems: readonly { readonly id: string }[]): string[] {
  return problems.map(({ id }) => id);
}

async function provenIn(image: Buffer): Promise<ProvenContent | undefined> {
  const device = new MemoryDevice(new Uint8Array(image));
  return findProven(device, await diagnose(device), [], { now: NOW });
}

test('-n names it, -p leaves it, -y does it, undo takes it back', async () => {
  const image = fixture('flip-each');
  const path = put('all-modes.img', image);
  for (const mode of ['read', 'preen'] as const) {
    const { exitCode, remaining } = await checkSpare(path, mode);
    assert.equal([exitCode, idsOf(remaining)], [4, ['no-valid-copy-proven']]);
    assert.ok(readFileSync(path).equals(image));
  }
  const report = await checkSpare(path, 'yes');
  assert.equal([report.exitCode, idsOf(report.corrected)], [1, ['no-valid-copy-proven']]);
  assert.match(
    report.done.join('\n'),
    /^save what is overwritten in .*\nwrite the proven content to the backup/,
  );
  assert.is(judge(readFileSync(path)).n, 0);
  assert.is((await checkSpare(path, 'yes')).exitCode, 0);
});

test('a guess is not taken', async () => {
  const image = buildImage({ layout: 'plain', sectors: 3000, maxEntries: 1000, entries: manyEntries(460) });
  image[4096 + 500] = (image[4096 + 500] ?? 0) ^ 1;
  const path = put('guess.img', image);
  const { exitCode, remaining } = await checkSpare(path, 'yes');
  assert.equal([exitCode, idsOf(remaining)], [4, ['no-valid-copy']]);
  assert.ok(readFileSync(path).equals(image));
});

function manyEntries(count: number) {
  return Array.from({ length: count }, (_, slot) => [slot * 5, 100 + slot] as const);
}

test('where something else waits for the operator, nothing is written', async () => {
  const image = buildImage({ layout: 'redundant', sectors: 2048, entries: [[100, 300]] });
  // the primary by a bit; what is left of the backup claims to be three commits ahead
  image[20] = (image[20] ?? 0) ^ 1;
  patch(image, 'backup', 'generation', 4);
  image.fill(0x5a, endPlace(image) + 12, endPlace(image) + 40);
  const path = put('waits.img', image);
  const { exitCode, remaining } = await checkSpare(path, 'yes');
  assert.is(exitCode, 4);
  assert.equal(idsOf(remaining), ['no-valid-copy-proven', 'copy-claims-newer']);
  assert.ok(readFileSync(path).equals(image));
});

test('what else is wrong is corrected with it, under the same undo file', async () => {
  const image = buildImage({ layout: 'redundant', sectors: 2048, entries: [[100, 300]], state: 1 });
  image[20] = (image[20] ?? 0) ^ 1;
  image.fill(0x5a, endPlace(image) + 12, endPlace(image) + 40);
  const path = put('also.img', image);
  const { exitCode, corrected } = await checkSpare(path, 'yes');
  assert.equal([exitCode, idsOf(corrected)], [1, ['no-valid-copy-proven', 'copy-damaged', 'state-dirty']]);
  const after = judge(readFileSync(path));
  assert.equal([after.n, after.truth], [0, [[100, 300]]]);
  const folder = process.env['DMREMAP_STATE_DIR'] ?? '';
  assert.is(readdirSync(folder).length, 1);
});

/** The sectors that a phase changes, beside those that it leaves as they are. */
function changedSectors(image: Buffer, writes: readonly Write[]): Write[] {
  return writes
    .flatMap(({ at, bytes: written }) =>
      Array.from({ length: written.length / SECTOR_SIZE }, (_, index) => ({
        at: bytes(at + index * SECTOR_SIZE),
        bytes: written.subarray(index * SECTOR_SIZE, (index + 1) * SECTOR_SIZE),
      })),
    )
    .filter(({ at, bytes: written }) => !image.subarray(at, at + SECTOR_SIZE).equals(written));
}

/** Every state in which a power cut can leave these writes: the phases before, and any part of the next one. */
function* cuts(image: Buffer, { phases }: ProvenContent): Generator<readonly Write[]> {
  const before: Write[] = [];
  for (const { writes } of phases) {
    const sectors = changedSectors(image, writes);
    for (let subset = 0; subset < 2 ** sectors.length; subset++)
      yield [...before, ...sectors.filter((_, index) => (subset >> index) & 1)];
    before.push(...sectors);
  }
}

async function leaveCut(path: string, proven: ProvenContent, written: readonly Write[]): Promise<void> {
  const device = await openDevice(path, { mode: 'exclusive' });
  const { header } = proven.candidate.content;
  const options = {
    command: 'check',
    now: NOW,
    place: {},
    identity: { mainId: '', kind: 'image' as const },
    spareUuid: header.ext_magic === '' ? undefined : header.spare_uuid,
    setUuid: undefined,
    generation: header.generation,
  };
  await withUndo(device, proven.phases, options, async () => {
    for (const { at, bytes: content } of written) await device.write(at, content);
    throw new Error('power cut');
  }).catch(() => undefined);
  await device.close();
}

for (const name of ['flip-each', 'blocks-each', 'plain-flip-table', 'plain-count'])
  test(`the power goes in the midst of it: ${name}`, async () => {
    const image = fixture(name);
    const proven = await provenIn(image);
    if (proven === undefined) throw new Error('nothing is proven');
    const whole = new MemoryDevice(new Uint8Array(image));
    await carryOut(whole, proven.phases);
    const { truth } = judge(Buffer.from(whole.content));
    let [states, takenBack] = [0, 0];
    for (const written of cuts(image, proven)) {
      const path = put(`${name}-${states++}.img`, image);
      await leaveCut(path, proven, written);
      const first = await checkSpare(path, 'preen');
      if (idsOf(first.corrected).includes('change-cut-short')) {
        takenBack++;
        assert.is(first.exitCode, 5);
        assert.ok(readFileSync(path).equals(image), 'byte for byte as before');
      }
      const [undo] = readdirSync(process.env['DMREMAP_STATE_DIR'] ?? '');
      assert.is(
        await stateOf(`${process.env['DMREMAP_STATE_DIR']}/${undo}`),
        isClean(written, first) ? 'unfinished' : 'finished',
      );
      assert.ok([0, 1].includes((await checkSpare(path, 'yes')).exitCode));
      const after = judge(readFileSync(path));
      assert.equal([after.n, after.truth], [0, truth]);
    }
    assert.ok(takenBack > 0 && states > takenBack);
    console.log(`${states} states, ${takenBack} taken back`);
  });

/** All was written, only the mark in the undo file is missing: a redundant set has nothing that would tell. */
function isClean(written: readonly Write[], { exitCode, now }: CheckReport): boolean {
  return written.length > 0 && exitCode === 0 && now.survey.choice.chosen?.header.backup_header !== 0n;
}

async function stateOf(path: string): Promise<string> {
  const undo = await openUndo(path);
  if (isRefusal(undo)) return undo.message;
  await undo.close();
  return undo.state;
}

/** Damage after which the truth is another one than before: it was sealed by a right checksum. */
const SEALED = /sealed|another generation|left over/;

test('random damage: what is proven is what was there', async () => {
  let [damaged, found] = [0, 0];
  for (let seed = 1; seed < 2500; seed++) {
    const { image, base, description } = mutation(seed);
    if (!judge(image).why.includes('no valid copy')) continue;
    damaged++;
    const proven = await provenIn(image);
    if (proven === undefined || !isCorrectable(proven)) continue;
    found++;
    const device = new MemoryDevice(new Uint8Array(image));
    await carryOut(device, proven.phases);
    const after = judge(Buffer.from(device.content));
    assert.equal(after.why, [], description);
    if (!SEALED.test(description)) assert.equal(after.truth, judge(base).truth, description);
  }
  assert.ok(found > 10, `${found} of ${damaged}`);
  console.log(`${found} of ${damaged} sets without a valid copy were put right`);
});

function isCorrectable({ problems }: ProvenContent): boolean {
  return verdictOf(problems, 'yes').correctable.length > 0;
}
