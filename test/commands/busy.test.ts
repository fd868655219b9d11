import { closeSync, openSync, writeSync } from 'node:fs';
import { run } from '../device/scratch.js';
import { healthyImage } from '../obligations/commands.js';
import { DMREMAP, fsck } from '../obligations/run-cli.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused, CHANGES, CREATE, PREEN, RESTORE, WIPE, YES } from './changes.js';

/** Whoever else has a device is named, and nothing is changed under his feet. */

const test = suite('changes to devices that are in use');
const slow = patient(test);
let shop: Workshop;
let dump = '';
test.beforeEach(async () => {
  shop = new Workshop();
  ({ dump } = await shop.healthy());
});
test.afterEach(() => shop.cleanUp());

/** What somebody else does with the image until he is ended. */
const HOLD: readonly (readonly [title: string, needed: string, command: readonly string[]])[] = [
  ['flock', 'flock', ['bash', '-c', 'exec 9<"$0"; flock --exclusive 9; echo ready; exec sleep 1000']],
  [
    'fcntl lock',
    'python3',
    [
      'python3',
      '-c',
      `import fcntl, sys, time
held = open(sys.argv[1], 'r+b')
fcntl.lockf(held, fcntl.LOCK_EX)
print('ready', flush=True)
time.sleep(1000)`,
    ],
  ],
];

for (const [title, needed, [program = '', ...words]] of HOLD) {
  slow(`${title} of another process`, async () => {
    needs(needed);
    for (const change of CHANGES) {
      const spare = shop.put('spare.img', change.image());
      const { child, stop } = await shop.start(program, ...words, spare);
      const says = new RegExp(`is in use: locked by process ${child.pid} \\(`);
      await assertRefused(shop, change.line(spare, dump), 'busy', says, [spare]);
      if (change === PREEN) assert.is((await fsck(['-a', spare], { env: shop.env })).code, 8);
      await stop();
      const { code, stderr } = await shop.run(change.line(spare, dump));
      assert.ok(code === 0 || code === 1, `${change.name} after that: ${stderr}`);
    }
  });
}

slow('an image that is attached to a loop device', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  for (const change of CHANGES) {
    const spare = shop.put('spare.img', change.image());
    const loop = run('losetup', '--find', '--show', spare).trim();
    const detach = shop.atEnd(() => run('losetup', '-d', loop));
    const error = await assertRefused(shop, change.line(spare, dump), 'busy', /attached to/, [spare]);
    assert.equal(error['holders'], [{ kind: 'loop', name: `attached to ${loop}` }]);
    detach();
  }
});

slow('a device with a mounted ext4', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.ext4', 'mount');
  const loop = shop.loop(shop.sparse('ext4.img', 16 << 20));
  run('mkfs.ext4', '-q', '-F', loop);
  const point = shop.folderAt('ext4');
  const unmount = shop.mount('-o', 'ro', loop, point);
  for (const change of [CREATE, WIPE, RESTORE]) {
    const error = await assertRefused(shop, change.line(loop, dump), 'busy', /mounted on/, [loop]);
    assert.equal(error['holders'], [{ kind: 'mount', name: `mounted on ${point}` }]);
  }
  const under = shop.path('ext4.img');
  await assertRefused(shop, CREATE.line(under, dump), 'busy', /attached to/, [under]);
  unmount();
});

slow('a spare that is mounted besides', async () => {
  // btrfs leaves the first 64 KiB and, made smaller than its device, the end: both copies fit around it
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.btrfs', 'mount');
  const size = 128 << 20;
  const image = shop.sparse('btrfs.img', size);
  const loop = shop.loop(image);
  run('mkfs.btrfs', '-q', '-f', '-b', String(120 << 20), loop);
  const point = shop.folderAt('btrfs');
  const unmount = shop.mount('-o', 'ro', loop, point);
  writeFront(loop, frontOfSet(size));
  assert.is((await shop.run(['check', '-n', loop])).code, 4, 'its backup is missing');
  for (const change of [PREEN, YES, WIPE]) {
    await assertRefused(shop, change.line(loop, dump), 'busy', new RegExp(`mounted on ${point}`), [loop]);
  }
  const before = hashOf(loop);
  const { code, stderr } = await fsck(['-a', loop], { env: shop.env });
  assert.is(code, 8, stderr);
  assert.match(stderr, /mounted on/);
  assert.is(hashOf(loop), before);
  unmount();
});

/** Primary and table of a set that fills the device; the backup is not there. */
function frontOfSet(size: number): Buffer {
  return healthyImage({}, size / SECTOR).subarray(0, 8192);
}

function writeFront(path: string, front: Buffer): void {
  const device = openSync(path, 'r+');
  writeSync(device, front, 0, front.length, 0);
  closeSync(device);
}

slow('swap', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkswap', 'swapon', 'swapoff');
  const loop = shop.loop(shop.sparse('swap.img', 4 << 20));
  run('mkswap', loop);
  run('swapon', '--priority', '0', loop);
  const off = shop.atEnd(() => run('swapoff', loop));
  await assertRefused(shop, CREATE.line(loop, dump), 'busy', /used as swap/, [loop]);
  off();
});

slow('another dmremap at work', async () => {
  needs('python3');
  const spare = shop.put('spare.img', healthyImage());
  // it has the device while it waits for an answer
  const script = `import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'Type' not in seen:
    seen += os.read(master, 4096)
print('ready', flush=True)
while True:
    os.read(master, 4096)`;
  const line = [process.execPath, DMREMAP, 'wipe', spare, '--discard-remaps', '5'];
  const { stop } = await shop.start('python3', '-c', script, ...line);
  await assertRefused(shop, WIPE.line(spare, dump), 'busy', /locked by process \d+ \(dmremap wipe\)/, [
    spare,
  ]);
  await assertRefused(shop, CREATE.line(spare, dump), 'busy', /locked by process/, [spare]);
  const reading = await shop.run(['check', spare]);
  assert.is(reading.code, 0, 'readers go on');
  assert.match(reading.stdout, /held/);
  await stop();
});
