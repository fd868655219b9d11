import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { run as runNow } from '../device/scratch.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { redundantGeometry, SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';

import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { mountUri } from './nbd-mount.js';
import { ask, serve } from './served-set.js';

/** A file system of Linux on the remapped device, through a server and a client that have nothing in common. */

const test = suite('serve a file system');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('root', 'nbdfuse', '/dev/fuse', '/dev/loop-control', 'mkfs.ext4', 'e2fsck'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 131_072;
const SPARE = 32_768;
const CAPACITY = 12_000;
const ENTRIES = 10_000;
/** Every so many sectors one is remapped: nearly every block of two meets one. */
const STEP = 13;
/** What main holds where it is remapped, and nobody may touch it. */
const MARK = 0xee;

function remaps(): Entry[] {
  const { dataStart } = redundantGeometry(SPARE, CAPACITY);
  // neighbours on main are none on the spare
  return Array.from({ length: ENTRIES }, (_, index) => [index * STEP, dataStart + ((index * 7) % ENTRIES)]);
}

function files(): { spare: string; main: string } {
  const main = Buffer.alloc(MAIN * SECTOR);
  for (const [sector] of remaps()) main.fill(MARK, Number(sector) * SECTOR, (Number(sector) + 1) * SECTOR);
  const image = buildImage({
    layout: 'redundant',
    sectors: SPARE,
    maxEntries: CAPACITY,
    mainSectors: MAIN,
    entries: remaps(),
  });
  return { spare: shop.put('spare.img', image), main: shop.put('main.img', main) };
}

/** Files of many sizes, of so many bytes together. */
function fill(folder: string, bytes: number): void {
  const sizes = [0, 1, 511, 4097, 100_000, 1_000_003, 3_000_000];
  let seed = 1;
  for (let left = bytes; left > 0; seed++) {
    const size = sizes[seed % sizes.length] ?? 0;
    writeFileSync(join(folder, `file-${seed}`), new Random(seed).bytes(size));
    left -= size;
  }
}

function hashes(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.startsWith('file-'));
  return Object.fromEntries(names.sort().map((name) => [name, hashOf(join(folder, name))]));
}

/** Does something with the file system of a device, mounted by loop. */
function withMounted<T>(file: string, options: string, work: (folder: string) => T): T {
  const loop = runNow('losetup', '--find', '--show', file).trim();
  try {
    const folder = shop.folderAt('mounted');
    const unmount = shop.mount('-o', options, loop, folder);
    try {
      return work(folder);
    } finally {
      unmount();
    }
  } finally {
    runNow('losetup', '-d', loop);
  }
}

slow('ext4 over 10,000 remaps: its files are there, served and from the images alone', async () => {
  const { spare, main } = files();
  const server = await serve(shop, spare, main);
  const device = await mountUri(shop, server.uri);
  runNow('mkfs.ext4', '-q', '-F', device.path);
  const written = withMounted(device.path, 'rw', (folder) => {
    fill(folder, 44_000_000);
    return hashes(folder);
  });
  // it ends with anything but 0 where something is amiss
  runNow('e2fsck', '-fn', device.path);
  await device.unmount();

  const again = await mountUri(shop, server.uri);
  assert.equal(
    withMounted(again.path, 'ro', (folder) => hashes(folder)),
    written,
    'served',
  );
  await again.unmount();
  assert.is((await server.stop()).code, 0);

  const [image, spareImage] = [readFileSync(main), readFileSync(spare)];
  const { n, truth } = judge(spareImage);
  assert.is(n, 0);
  assert.equal(
    truth,
    remaps().map(([from, to]) => [Number(from), Number(to)]),
  );
  let used = 0;
  for (const [from, to] of truth ?? []) {
    const [place, there] = [from * SECTOR, spareImage.subarray(to * SECTOR, (to + 1) * SECTOR)];
    assert.ok(
      image.subarray(place, place + SECTOR).every((byte) => byte === MARK),
      `main at ${from}`,
    );
    if (there.some((byte) => byte !== 0)) used++;
    there.copy(image, place);
  }

  assert.ok(used > 6000, `${used} remaps hold data of files`);
  const remapped = shop.put('remapped.img', image);
  runNow('e2fsck', '-fn', remapped);
  assert.equal(
    withMounted(remapped, 'ro', (folder) => hashes(folder)),
    written,
    'from the images',
  );
});

slow('sectors die under ext4: nobody notices, and all is there in the end', async () => {
  needs('nbdkit');
  const [sectors, dead, count] = [32_768, 12_000, 300] as const;
  const content = shop.sparse('content.img', sectors * SECTOR);
  const layout = { layout: 'redundant', sectors: 4096, maxEntries: 1000, mainSectors: sectors } as const;
  const spare = shop.put('spare.img', buildImage(layout));
  const disk = await FailingDisk.start(shop, content, sectors * SECTOR);
  const server = await serve(shop, spare, disk.path);
  const device = await mountUri(shop, server.uri);
  runNow('mkfs.ext4', '-q', '-F', device.path);
  disk.set({
    write: [dead * SECTOR, (dead + count) * SECTOR],
    read: [dead * SECTOR, (dead + count) * SECTOR],
  });
  const written = withMounted(device.path, 'rw', (folder) => {
    fill(folder, 11_000_000);
    return hashes(folder);
  });
  runNow('e2fsck', '-fn', device.path);
  await device.unmount();
  const status = await ask(server.control, 'status');
  assert.is((await server.stop()).code, 0);

  const [image, spareImage] = [readFileSync(content), readFileSync(spare)];
  const { n, truth } = judge(spareImage);
  assert.is(n, 0);
  const moved = truth?.length ?? 0;
  assert.ok(moved > count / 2, `${moved} sectors moved`);
  assert.match(status, new RegExp(` ${moved}/1000 .* health=1 errors=W${moved}:R0 auto_remaps=${moved} `));
  for (const [from, to] of truth ?? []) spareImage.copy(image, from * SECTOR, to * SECTOR, (to + 1) * SECTOR);
  const remapped = shop.put('remapped.img', image);
  runNow('e2fsck', '-fn', remapped);
  assert.equal(
    withMounted(remapped, 'ro', (folder) => hashes(folder)),
    written,
    'from the images',
  );
});
