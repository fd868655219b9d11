import { copyFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { documentOf } from '../obligations/schemas.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import type { Entry, ImageSpec } from '../support/build-image.js';
import { SECTOR, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';
import { Remapped } from './remapped.js';

/** Sectors go back to main, which then holds what the remapped device showed; another main takes its place. */

const test = suite('dmremap unremap and rebind');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 2048;
const ENTRIES: readonly Entry[] = [
  [5, 40],
  [6, 41],
  [7, 50],
  [100, 44],
  [2047, 43],
];

function start(entries: readonly Entry[] = ENTRIES, more: Partial<ImageSpec> = {}): Remapped {
  return Remapped.make(shop, { mainSectors: MAIN, entries, ...more });
}

slow('named sectors, then all: main holds what the device showed', async () => {
  for (const layout of ['redundant', 'plain', 'plain-ext'] as const) {
    const set = start(ENTRIES, { layout });
    const some = await set.run('unremap', '6-8', '100');
    assert.equal([some['exit_code'], some['returned'], some['entries']], [0, 3, 2], JSON.stringify(some));
    assert.equal(some['not_remapped'], [{ main_sector: 8, count: 1 }]);
    set.assertRemapped([5, 2047]);
    const all = await set.run('unremap', '--all');
    assert.equal([all['exit_code'], all['returned'], all['entries']], [0, 2, 0]);
    assert.equal(readFileSync(set.main), set.device, layout);
    assert.is((await set.run('unremap', '--all'))['applied'], false);
  }
});

slow('what cannot be is refused before anything is written', async () => {
  const set = start();
  const untouched = [set.spare, set.main];
  const line = ['unremap', set.spare, '--main', set.main];
  await assertRefused(shop, [...line, '2048', '--yes'], 'usage', /beyond the end of main/, untouched);
  await assertRefused(shop, [...line, '--yes'], 'usage', /name sectors, or --all/, untouched);
  await assertRefused(shop, [...line, '5', '--all', '--yes'], 'usage', /name sectors, or --all/, untouched);
  await assertRefused(shop, [...line, '5'], 'no-terminal', /main\.img/, untouched);
  const dry = await shop.run([...line, '5', '--dry-run']);
  assert.match(dry.stdout, /1 sector would live on main again; 4 remapped/);
});

slow('whole physical blocks of 4096 bytes, those that are remapped in part too', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const set = start().onLoops('-b', '4096');
  const done = await set.run('unremap', '6');
  assert.equal([done['exit_code'], done['returned'], done['widened']], [0, 3, 2], JSON.stringify(done));
  set.assertRemapped([100, 2047]);
  const wanted = Buffer.from(set.device.subarray(0, 8 * SECTOR));
  assert.equal(readFileSync(set.main).subarray(0, 8 * SECTOR), wanted);
});

slow('what main does not take stays remapped', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const made = start();
  const disk = await FailingDisk.start(shop, made.main, MAIN * SECTOR);
  const set = made.with({ main: disk.path });
  disk.set({ write: [6 * SECTOR, 7 * SECTOR] });
  const done = await set.run('unremap', '--all');
  assert.equal([done['exit_code'], done['entries']], [4, 1], JSON.stringify(done));
  assert.equal([done['returned'], done['refused']], [4, [{ main_sector: 6, count: 1 }]]);
  set.assertRemapped([6]);
  const device = readFileSync(made.main);
  set.device.copy(device, 6 * SECTOR, 6 * SECTOR, 7 * SECTOR);
  assert.equal(device, set.device);
});

slow('undo brings the entries back', async () => {
  const set = start();
  const before = hashOf(set.spare);
  const { undo_file: spareFile, main_undo_file: mainFile } = await set.run('unremap', '--all');
  assert.ok(spareFile !== mainFile && existsSync(String(spareFile)), `${spareFile} ${mainFile}`);
  const line = ['undo', set.spare, '--yes'];
  const untouched = [set.spare, set.main];
  const wrong = [...line, '--from', String(mainFile)];
  await assertRefused(shop, wrong, 'undo-unavailable', /what unremap overwrote on main/, untouched);
  assert.is((await shop.run([...line, '--main', set.main])).code, 0);
  assert.is(hashOf(set.spare), before);
});

slow('a clone of main takes its place, gets all sectors back, and is what the device was', async () => {
  const set = start(ENTRIES, { fields: { main_id: 'serial:OLD' } });
  const clone = shop.path('clone.img');
  copyFileSync(set.main, clone);
  const line = ['rebind', set.spare, '--main', clone, '--yes', '--json'];
  const bound = documentOf(await shop.run(line), 'rebind');
  assert.equal([bound['exit_code'], bound['old_main_id'], bound['main_id']], [0, 'serial:OLD', '']);
  assert.is(documentOf(await shop.run(line), 'rebind')['applied'], false);
  assert.is((await set.with({ main: clone }).run('unremap', '--all'))['exit_code'], 0);
  assert.is((await shop.run(['wipe', set.spare, '--yes'])).code, 0);
  assert.equal(readFileSync(clone), set.device);
});

slow('a smaller device is no copy; a larger one makes the remapped device larger', async () => {
  const set = start();
  const other = shop.path('other.img');
  copyFileSync(set.main, other);
  truncateSync(other, (MAIN - 8) * SECTOR);
  const line = ['rebind', set.spare, '--main', other, '--yes'];
  await assertRefused(shop, line, 'wrong-main', /has 2040 sectors, the set's main 2048/, [set.spare]);
  await assertRefused(shop, ['rebind', set.spare, '--main', set.spare, '--yes'], 'wrong-device', /is main/, [
    set.spare,
  ]);
  truncateSync(other, (MAIN + 8) * SECTOR);
  const bound = documentOf(await shop.run([...line, '--json']), 'rebind');
  assert.is(bound['main_device_size'], MAIN + 8);
  assert.match(JSON.stringify(bound['warnings']), /grows from 2048 to 2056 sectors/);
  assert.is(u64(set.header, 'main_device_size'), BigInt(MAIN + 8));
  assert.is((await shop.run(['check', set.spare, '--main', other])).code, 0);
});
