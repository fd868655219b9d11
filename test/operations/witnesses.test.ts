import { readFileSync, writeFileSync } from 'node:fs';
import { openDevice } from '../../src/device/open.js';
import { diagnose } from '../../src/operations/diagnose.js';
import { withDevice } from '../../src/operations/open-device.js';
import { findProven } from '../../src/operations/proven.js';
import { withUndo } from '../../src/operations/undo-files.js';
import { dumpWitness, undoWitnesses } from '../../src/operations/witnesses.js';
import type { Witness } from '../../src/repair/reconstruct/reading.js';
import { carryOut } from '../../src/store/phase.js';
import { bytes } from '../../src/units.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';

/** What a dump and the undo files of a spare know, and that it proves what is too large to be proven alone. */

const test = suite('witnesses of a spare');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
  process.env['DMREMAP_STATE_DIR'] = shop.state;
});
test.afterEach(() => shop.cleanUp());

const ENTRIES: Entry[] = Array.from({ length: 1000 }, (_, slot) => [slot * 5, 100 + slot]);

function plain(generation: number): Buffer {
  return buildImage({ layout: 'plain', sectors: 2048, maxEntries: 1000, entries: ENTRIES, generation });
}

/** With a flipped bit, which among 1000 entries proves nothing. */
function flipped(image: Buffer): Buffer {
  const damaged = Buffer.from(image);
  damaged[4096 + 5000] = (damaged[4096 + 5000] ?? 0) ^ 4;
  return damaged;
}

/** What is proven on this device with these witnesses. */
function provenWith(path: string, witnesses: readonly Witness[]) {
  return withDevice(path, 'read', async (device) => {
    const diagnosis = await diagnose(device);
    return (await findProven(device, diagnosis, witnesses, { now: 1n }))?.candidate;
  });
}

function undoFilesOf(path: string): Promise<Witness[]> {
  return withDevice(path, 'read', async (device) =>
    undoWitnesses(device, (await diagnose(device)).survey.copies),
  );
}

/** Writes the second image over the first, under an undo file. */
async function changeTo(path: string, image: Buffer): Promise<void> {
  const device = await openDevice(path, { mode: 'exclusive' });
  const phases = [
    { purpose: 'change', writes: [{ at: bytes(0), bytes: new Uint8Array(image.subarray(0, 24_576)) }] },
  ];
  const options = {
    command: 'restore',
    now: 1n,
    place: {},
    identity: { mainId: '', kind: 'image' as const },
    spareUuid: undefined,
    setUuid: undefined,
    generation: 1,
  };
  await withUndo(device, phases, options, () => carryOut(device, phases));
  await device.close();
}

test('an undo file knows the content before its change, and proves that one', async () => {
  const path = shop.put('spare.img', plain(1));
  await changeTo(path, plain(2));
  // taken back since, and damaged then
  writeFileSync(path, flipped(plain(1)));
  const witnesses = await undoFilesOf(path);
  assert.is(witnesses.length, 1);
  assert.match(witnesses[0]?.label ?? '', /^the undo file .*-1-restore\.undo$/);
  const candidate = await provenWith(path, witnesses);
  assert.is(candidate?.generation, 1);
  assert.is(await provenWith(path, []), undefined);
});

test('it proves nothing of the generation after', async () => {
  const path = shop.put('spare.img', plain(1));
  await changeTo(path, plain(2));
  writeFileSync(path, flipped(plain(2)));
  assert.is(await provenWith(path, await undoFilesOf(path)), undefined);
});

slow('a dump proves its generation, and is refused where it is another device’s', async () => {
  const path = shop.put('spare.img', plain(3));
  const dump = shop.path('spare.json');
  assert.is((await shop.run(['dump', path, '-o', dump])).code, 0);
  writeFileSync(path, flipped(plain(3)));
  const read = (of: string) => withDevice(of, 'read', (device) => dumpWitness(device, dump));
  assert.is((await provenWith(path, [await read(path)]))?.generation, 3);
  const larger = shop.put('larger.img', Buffer.concat([flipped(plain(3)), Buffer.alloc(4096)]));
  await read(larger).then(
    () => assert.unreachable('a dump of another size was taken'),
    (error: unknown) => assert.match(String(error), /its size is/),
  );
  const damaged = readFileSync(dump, 'utf8').replace('"valid": true', '"valid": false');
  writeFileSync(dump, damaged);
  await read(path).then(
    () => assert.unreachable('the dump of a damaged copy was taken'),
    (error: unknown) => assert.match(String(error), /it proves nothing/),
  );
});
