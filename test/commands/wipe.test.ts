import { readFileSync } from 'node:fs';
import { run } from '../device/scratch.js';
import { healthyImage } from '../obligations/commands.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { buildImage } from '../support/build-image.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { assertRefused } from './changes.js';

/** After a wipe nothing finds a set here any more, and nothing else on the device has changed. */

const test = suite('dmremap wipe');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** Numbers of the sectors that differ. */
function changedSectors(before: Buffer, after: Buffer): number[] {
  assert.is(after.length, before.length);
  return Array.from({ length: before.length / SECTOR }, (_, sector) => sector).filter(
    (sector) => Buffer.compare(sectorOf(before, sector), sectorOf(after, sector)) !== 0,
  );
}

function sectorOf(image: Buffer, sector: number): Buffer {
  return image.subarray(sector * SECTOR, (sector + 1) * SECTOR);
}

async function assertWiped(
  spare: string,
  entries: number,
  expectedSectors: readonly number[],
): Promise<void> {
  const before = readFileSync(spare);
  const ended = await shop.run(['wipe', spare, '--discard-remaps', String(entries), '--yes']);
  assert.equal([ended.code, ended.stdout], [0, `${spare}: the metadata is gone\n`], ended.stderr);
  const after = readFileSync(spare);
  assert.equal(changedSectors(before, after), expectedSectors);
  for (const sector of expectedSectors) assert.ok(!sectorOf(after, sector).some(Boolean), `sector ${sector}`);
  assert.is(judge(after).n, 8, 'not DMREMAP3 any more');
  assert.is((await shop.run(['check', spare])).code, 8);
}

slow('both copies of a redundant set', async () => {
  await assertWiped(shop.put('spare.img', healthyImage()), 5, [0, 2040]);
});

slow('the one copy of a plain set', async () => {
  const spec = { layout: 'plain', sectors: 2048, maxEntries: 255, entries: [[7, 16]] } as const;
  await assertWiped(shop.put('plain.img', buildImage(spec)), 1, [0]);
});

slow('the copy that is left, and a backup on a device that has grown', async () => {
  const lame = healthyImage().fill(0, 0, 4096);
  await assertWiped(shop.put('lame.img', lame), 5, [2040]);
  const grown = Buffer.concat([healthyImage(), Buffer.alloc(8192)]);
  await assertWiped(shop.put('grown.img', grown), 5, [0, 2040]);
});

slow('on blocks of 4096 bytes', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const image = shop.put('spare.img', healthyImage());
  const loop = shop.loop(image, '-b', '4096');
  const ended = await shop.run(['wipe', loop, '--discard-remaps', '5', '--yes']);
  assert.is(ended.code, 0, ended.stderr);
  assert.is(judge(readFileSync(loop)).n, 8);
});

slow('live remaps want their exact number', async () => {
  const spare = shop.put('spare.img', healthyImage());
  for (const more of [[], ['--discard-remaps', '4'], ['--discard-remaps', '0']]) {
    const error = await assertRefused(
      shop,
      ['wipe', spare, '--yes', ...more],
      'wrong-device',
      /5 live remaps/,
      [spare],
    );
    assert.is(error['live_entries'], 5);
  }
  // an empty set has nothing to lose
  const empty = shop.put('empty.img', fixture('redundant-empty'));
  assert.is((await shop.run(['wipe', empty, '--yes'])).code, 0);
});

slow('what is no set is not wiped', async () => {
  const spare = shop.put('noise.img', Buffer.alloc(1 << 20, 'something else'));
  await assertRefused(shop, ['wipe', spare, '--yes'], 'not-dmremap3', /nothing to wipe/, [spare]);
});

slow('every golden image can be wiped, or says why not', async () => {
  for (const name of fixtureNames().filter((fixtureName) => !fixtureName.startsWith('module/'))) {
    const before = fixture(name);
    // bad sizes, and sets of the future: no command but info has anything to do with these
    if (['tiny', 'incompat', 'version-2'].includes(name)) continue;
    // another spare of its set counts on what a passive one says
    if (name === 'role-retired') continue;
    const spare = shop.put('golden.img', before);
    const first = await shop.run(['wipe', spare, '--yes', '--json']);
    const { error } = JSON.parse(first.stdout) as { error?: { code: string; live_entries?: number } };
    if (error?.live_entries === undefined) {
      assert.ok(error === undefined || error.code === 'not-dmremap3', `${name}: ${first.stderr}`);
    } else {
      assert.equal(readFileSync(spare), before, name);
      const second = await shop.run(['wipe', spare, '--discard-remaps', String(error.live_entries), '--yes']);
      assert.is(second.code, 0, `${name}: ${second.stderr}`);
    }
    const after = readFileSync(spare);
    assert.is(judge(after).n, 8, name);
    for (const sector of changedSectors(before, after))
      assert.ok(!sectorOf(after, sector).some(Boolean), name);
  }
});

slow('a filesystem beside it stays', async () => {
  needs('mkfs.btrfs', 'blkid');
  const size = 128 << 20;
  const image = shop.sparse('both.img', size);
  run('mkfs.btrfs', '-q', '-f', '-b', String(120 << 20), image);
  const before = readFileSync(image);
  healthyImage({}, size / SECTOR).copy(before, 0, 0, 8192);
  const spare = shop.put('both.img', before);
  await assertWiped(spare, 5, [0]);
  assert.match(run('blkid', '-p', spare), /TYPE="btrfs"/);
});
