import { readFileSync } from 'node:fs';
import { patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { activeOf, roleOf } from '../serve/section-8.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { MovingSet, SPARE_SECTORS } from './moving-set.js';
import { serve } from './served-set.js';

/** Disks that go away, whole, while a served set moves from one to the other. */

const test = suite('serve, while one of two spares goes away');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('root', 'nbdinfo', 'nbdcopy', 'qemu-io', 'nbdkit', 'nbdfuse', '/dev/fuse'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** Of a target or a source: there the copy waits. */
const WAITING = { slow: [1500 * SECTOR, 1600 * SECTOR, 2] } as const;

slow('a target that is pulled ends the migration; another one is taken', async () => {
  const set = new MovingSet(shop);
  const content = shop.sparse('pulled.img', 4 << 20);
  const target = await FailingDisk.start(shop, content, 4 << 20);
  const server = await set.start();
  target.set(WAITING);
  assert.is(await set.ask(`migrate ${target.path}`), 'ok started');
  target.pull();
  assert.match(await set.ended(), /^ok failed \d+\/\d+ .*pulled\.img.*(ENOTCONN|EIO|ECONNABORTED)/);
  await set.write(10, Buffer.alloc(500 * SECTOR, 3));
  await set.compare();
  assert.equal([roleOf(readFileSync(set.spare)), roleOf(readFileSync(content))], [0, 1]);
  const other = shop.sparse('other.img', 6 << 20);
  assert.is(await set.ask(`migrate ${other}`), 'ok started');
  assert.match(await set.ended(), /^ok done/);
  await set.compare();
  assert.is((await server.stop()).code, 0);
  assert.is(activeOf(readFileSync(set.spare), readFileSync(other)), 'to');
});

slow('a source that is pulled is not left; once it is attached again the set moves', async () => {
  const set = new MovingSet(shop);
  const disk = await FailingDisk.start(shop, set.spare, SPARE_SECTORS * SECTOR);
  set.server = await serve(shop, disk.path, set.main);
  const target = shop.sparse('target.img', 6 << 20);
  disk.set(WAITING);
  assert.is(await set.ask(`migrate ${target}`), 'ok started');
  disk.pull();
  assert.match(await set.ended(), /^ok failed .* of 2000 sectors, of which \d+ would be lost/);
  assert.is(roleOf(readFileSync(target)), 1);
  assert.match(await set.ask(`attach ${set.spare}`), /^ok 2000 remaps/);
  await set.write(10, Buffer.alloc(500 * SECTOR, 3));
  await set.compare();
  assert.is(await set.ask(`migrate ${target}`), 'ok started');
  assert.match(await set.ended(), /^ok done/);
  await set.compare();
  assert.is((await set.server.stop()).code, 0);
  assert.is(activeOf(readFileSync(set.spare), readFileSync(target)), 'to');
});
