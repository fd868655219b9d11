import { readFileSync } from 'node:fs';
import { run as runTool } from '../device/scratch.js';
import { fingerprint, patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { activeOf, roleOf } from '../serve/section-8.js';
import { buildImage } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { MovingSet, SPARE_SECTORS } from './moving-set.js';
import { serve } from './served-set.js';

/** The program that serves a set while the set moves to another spare. */

const test = suite('serve, while the set moves');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('nbdinfo', 'nbdcopy', 'qemu-io'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

slow('clients notice nothing, and the set is on the new spare', async () => {
  const set = new MovingSet(shop);
  const target = shop.sparse('target.img', 6 << 20);
  const server = await set.start();
  await set.compare();
  const following = shop.run(['ctl', 'migrate', target, '--follow', '--control', server.control]);
  for (let round = 1; round <= 6; round++) await set.write(round * 700, Buffer.alloc(900 * SECTOR, round));
  const { code, stdout } = await following;
  assert.is(code, 0);
  assert.match(stdout, /^done \d+\/\d+ .*target\.img\n$/);
  await set.compare();
  await set.write(100, Buffer.alloc(200 * SECTOR, 77));
  for (const message of ['remap 7001', 'unremap 3', 'save']) assert.match(await set.ask(message), /^ok/);
  assert.match(await set.ask('status'), /^ok 0 8192 remap v3.0 2000\/4000 .*persist=enabled last_save=\d+$/);
  assert.match(await set.ask('migrate-cancel'), /^error no migration/);
  const retired = fingerprint(set.spare);
  await set.compare();
  assert.is((await server.stop()).code, 0);
  assert.is(fingerprint(set.spare), retired, 'the retired spare is let go');
  assert.is(activeOf(readFileSync(set.spare), readFileSync(target)), 'to');
  assert.equal(judge(readFileSync(target)).why, []);
  const refused = await shop.run(['serve', set.spare, '--main', set.main, '--json']);
  assert.is(refused.code, 8);
  assert.is((JSON.parse(refused.stdout) as { error: { code: string } }).error.code, 'retired');
  const again = await serve(shop, target, set.main);
  set.server = again;
  await set.compare();
  const back = await shop.run(['ctl', 'migrate', set.spare, '--control', again.control]);
  assert.is(back.code, 8, 'a retired spare is not overwritten');
  assert.is((await again.stop()).code, 0);
});

slow('what must not be overwritten is refused before any write', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.ext4', 'mount');
  const set = new MovingSet(shop);
  await set.start();
  const small = shop.sparse('small.img', 1 << 20);
  const ext = shop.sparse('ext.img', 16 << 20);
  runTool('mkfs.ext4', '-q', '-F', ext);
  const mounted = shop.loop(shop.sparse('mounted.img', 16 << 20));
  runTool('mkfs.ext4', '-q', '-F', mounted);
  const unmount = shop.mount('-o', 'ro', mounted, shop.folderAt('point'));
  const other = shop.put(
    'other.img',
    buildImage({ layout: 'redundant', sectors: 4096, entries: [[1, 100]] }),
  );
  for (const [path, why] of [
    [small, /room|too small|leaves/],
    [ext, /ext4/],
    [mounted, /mounted/],
    [set.spare, /the spare in use/],
    [set.main, /is main/],
    [other, /1 live remaps/],
    [shop.path('missing'), /missing/],
    [shop.folder, /device/],
  ] as const) {
    const before = path.endsWith('.img') && path !== set.spare ? fingerprint(path) : '';
    assert.match(await set.ask(`migrate ${path}`), new RegExp(`^error .*(${why.source})`));
    if (before !== '') assert.is(fingerprint(path), before);
  }
  assert.is(await set.ask('migrate-status'), 'ok none');
  const { code, stderr } = await shop.run([
    'ctl',
    'ping',
    '--follow',
    '--control',
    set.server?.control ?? '',
  ]);
  assert.is(code, 16, stderr);
  await set.compare();
  assert.is((await set.server?.stop())?.code, 0);
  unmount();
});

slow('a target that fails in the midst ends the migration; the old spare goes on', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const set = new MovingSet(shop);
  const content = shop.sparse('target.img', 4 << 20);
  const target = await FailingDisk.start(shop, content, 4 << 20);
  target.set({ write: [1000 * SECTOR, 1100 * SECTOR] });
  const server = await set.start();
  const failed = await shop.run(['ctl', 'migrate', target.path, '--follow', '--control', server.control]);
  assert.is(failed.code, 8, failed.stdout);
  assert.match(failed.stderr, /failed \d+\/\d+ .*EIO/);
  await set.write(10, Buffer.alloc(500 * SECTOR, 3));
  await set.compare();
  assert.is(roleOf(readFileSync(set.spare)), 0);
  assert.is(roleOf(readFileSync(content)), 1);
  // the disk is well again: its own incomplete target is taken
  target.set({});
  assert.is(await set.ask(`migrate ${target.path}`), 'ok started');
  assert.match(await set.ended(), /^ok done/);
  await set.compare();
  assert.is((await server.stop()).code, 0);
  assert.is(activeOf(readFileSync(set.spare), readFileSync(content)), 'to');
});

slow('it is seen while it goes on, and can be cancelled', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const set = new MovingSet(shop);
  const content = shop.sparse('target.img', 4 << 20);
  const target = await FailingDisk.start(shop, content, 4 << 20);
  const server = await set.start();
  target.set({ slow: [1000 * SECTOR, 1400 * SECTOR, 1] });
  assert.is(await set.ask(`migrate ${target.path}`), 'ok started');
  assert.match(await set.ask('migrate-status'), /^ok copying \d+\/1024000 .*failing$/);
  assert.match(await set.ask('status'), /last_save=\d+ migration=copying:\d+%$/);
  const status = await shop.run(['status', '--control', server.control, '--json']);
  const { migration } = (JSON.parse(status.stdout) as { status: { migration: { phase: string } } }).status;
  assert.is(migration.phase, 'copying');
  assert.match(await set.ask(`migrate ${target.path}`), /^error .*under way/);
  assert.match(await set.ask('restore'), /^error .*under way/);
  assert.is(await set.ask('migrate-cancel'), 'ok cancelled');
  assert.match(await set.ask('migrate-status'), /^ok cancelled/);
  await set.compare();
  assert.is((await server.stop()).code, 0);
  assert.equal([roleOf(readFileSync(set.spare)), roleOf(readFileSync(content))], [0, 1]);
});

slow('a server that is told to stop meanwhile leaves the old spare as it was', async () => {
  const set = new MovingSet(shop);
  const server = await set.start();
  const target = shop.sparse('target.img', 6 << 20);
  assert.is(await set.ask(`migrate ${target}`), 'ok started');
  assert.is((await server.stop()).code, 0);
  const active = activeOf(readFileSync(set.spare), readFileSync(target));
  assert.ok(active !== undefined);
  set.server = await serve(shop, active === 'from' ? set.spare : target, set.main);
  await set.compare();
  assert.is((await set.server.stop()).code, 0);
});

slow('a spare with sectors that cannot be read is not left; what would be lost is said', async () => {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const set = new MovingSet(shop);
  const disk = await FailingDisk.start(shop, set.spare, SPARE_SECTORS * SECTOR);
  const target = shop.sparse('target.img', 6 << 20);
  set.server = await serve(shop, disk.path, set.main);
  disk.set({ read: [1010 * SECTOR, 1012 * SECTOR] });
  assert.is(await set.ask(`migrate ${target}`), 'ok started');
  assert.match(await set.ended(), /^ok failed .*2 of 2000 sectors, of which 2 would be lost: 30 33;/);
  disk.set({});
  await set.compare();
  assert.is((await set.server.stop()).code, 0);
});
