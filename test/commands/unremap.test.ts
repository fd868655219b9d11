import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { documentOf, isObject } from '../obligations/schemas.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { startWatched } from '../process/watched.js';
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

slow('undo puts back both devices, and the undo of it too', async () => {
  for (const layout of ['redundant', 'plain'] as const) {
    const set = start(ENTRIES, { layout });
    const files = [set.spare, set.main];
    const before = files.map((file) => readFileSync(file));
    const { undo_file: undoFile } = await set.run('unremap', '--all');
    const after = files.map((file) => readFileSync(file));
    const line = ['undo', set.spare, '--yes'];
    await assertRefused(shop, line, 'undo-unavailable', /and on main/, files);
    const undone = await shop.run([...line, '--main', set.main]);
    assert.is(undone.code, 0, undone.stderr);
    assert.match(undone.stderr, /step +put back 5 sectors of main/);
    for (const [index, file] of files.entries()) assert.equal(readFileSync(file), before[index], layout);
    assert.is((await shop.run([...line, '--main', set.main])).code, 0);
    for (const [index, file] of files.entries()) assert.equal(readFileSync(file), after[index], layout);
    const listed = await shop.run(['undo', set.spare, '--list']);
    assert.match(listed.stdout, new RegExp(`unremap, finished, with bytes of main.*\n +${undoFile}\n`));
    rmSync(shop.state, { recursive: true });
  }
});

slow('undo where main has changed since, and where it has only in part what unremap wrote', async () => {
  const set = start();
  const before = readFileSync(set.main);
  const { undo_file: undoFile } = await set.run('unremap', '--all');
  const after = readFileSync(set.main);
  const changed = Buffer.from(after).fill('newer', 7 * SECTOR, 8 * SECTOR);
  writeFileSync(set.main, changed);
  const line = ['undo', set.spare, '--main', set.main, '--yes'];
  await assertRefused(shop, line, 'changed-since', /main\.img has changed since/, [set.spare, set.main]);
  writeFileSync(set.main, after);
  assert.is((await shop.run(line)).code, 0);
  // as a power cut leaves it behind the entries' return
  before.copy(changed, 0, 0, 7 * SECTOR);
  after.copy(changed, 7 * SECTOR, 7 * SECTOR);
  writeFileSync(set.main, changed);
  const rest = await shop.run([...line, '--from', String(undoFile)]);
  assert.is(rest.code, 0, rest.stderr);
  assert.equal(readFileSync(set.main), before);
  await assertRefused(shop, [...line, '--from', String(undoFile)], 'changed-since', /already holds/, [
    set.main,
  ]);
});

slow('undo where main does not take what it held: the entries are back and hide it', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const made = start();
  const before = readFileSync(made.spare);
  const disk = await FailingDisk.start(shop, made.main, MAIN * SECTOR);
  const set = made.with({ main: disk.path });
  await set.run('unremap', '--all');
  disk.set({ write: [6 * SECTOR, 7 * SECTOR] });
  const line = ['undo', set.spare, '--main', set.main, '--yes'];
  const ended = documentOf(await shop.run([...line, '--json']), 'undo');
  assert.equal([ended['exit_code'], isObject(ended['error']) && ended['error']['stands']], [8, 'part']);
  assert.equal(readFileSync(made.spare), before);
  set.assertRemapped([5, 6, 7, 100, 2047]);
  // the undo of that: nothing of the spare goes before main has what it is to hold
  const { error } = documentOf(await shop.run([...line, '--json']), 'undo');
  assert.equal(readFileSync(made.spare), before, JSON.stringify(error));
  disk.set({});
  assert.is((await shop.run(line)).code, 0);
  assert.is((await shop.run(['check', set.spare])).code, 0);
});

slow('undo of what main took in part', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const made = start();
  const [spare, main] = [readFileSync(made.spare), readFileSync(made.main)];
  const disk = await FailingDisk.start(shop, made.main, MAIN * SECTOR);
  const set = made.with({ main: disk.path });
  disk.set({ write: [6 * SECTOR, 7 * SECTOR] });
  assert.is((await set.run('unremap', '--all'))['entries'], 1);
  const undone = await shop.run(['undo', set.spare, '--main', set.main, '--yes']);
  assert.is(undone.code, 0, undone.stderr);
  assert.equal(readFileSync(made.spare), spare);
  assert.equal(readFileSync(made.main), main);
});

slow('Ctrl-C while main is written: all stay remapped, and the same line does it', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const made = start();
  const disk = await FailingDisk.start(shop, made.main, MAIN * SECTOR);
  const set = made.with({ main: disk.path });
  // what was written is slow to be read back
  disk.set({ slow: [5 * SECTOR, 6 * SECTOR, 1] });
  const line = ['unremap', set.spare, '--main', set.main, '--all', '--yes'];
  const { ended } = startWatched(line, [made.main], shop.env, (changes, child) => {
    if (changes === 1) child.kill('SIGINT');
  });
  assert.is(await ended, 32);
  set.assertRemapped([5, 6, 7, 100, 2047]);
  assert.is((await shop.run(['check', set.spare])).code, 0);
  disk.set({});
  assert.is((await set.run('unremap', '--all'))['exit_code'], 0);
  assert.equal(readFileSync(made.main), set.device);
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
