import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Workshop } from '../obligations/workshop.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { redundantGeometry, SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';
import { judge } from '../support/reader.js';
import { GUEST_TIME, runGuest, said } from './guest.js';
import { NbdServer } from './nbd-server.js';
import { seededBytes, sha256 } from './remapped-set.js';

/**
 * ext4 on the kernel's nbd device: 100 MB of files over more than 10,000 remaps, and a server that is killed
 * and comes back under the mounted file system.
 */

const MIB = 1024 * 1024;
const MAIN = (128 * MIB) / SECTOR;
const SPARE = 40_000;
const CAPACITY = 16_000;
const ENTRIES = 14_000;
/** Every so many sectors one is remapped: in three file system blocks there is one. */
const STEP = 18;
/** What main holds where it is remapped, and nobody may touch it. */
const MARK = 0xee;

const data = seededBytes('files', 100 * MIB);
/** Files that are synced while the server comes and goes, of so many bytes. */
const KEPT = 40;
const KEPT_BYTES = 512_000;
/** After so many of them the server is killed. */
const KILLS = [10, 25];

function remaps(): Entry[] {
  const { dataStart } = redundantGeometry(SPARE, CAPACITY);
  // neighbours on main are none on the spare
  return Array.from({ length: ENTRIES }, (_, index) => [index * STEP, dataStart + ((index * 11) % ENTRIES)]);
}

function images(shop: Workshop): { spare: string; main: string } {
  const main = Buffer.alloc(MAIN * SECTOR);
  for (const [sector] of remaps()) main.fill(MARK, Number(sector) * SECTOR, (Number(sector) + 1) * SECTOR);
  const spare = buildImage({
    layout: 'redundant',
    sectors: SPARE,
    maxEntries: CAPACITY,
    mainSectors: MAIN,
    entries: remaps(),
  });
  return { spare: shop.put('spare.img', spare), main: shop.put('main.img', main) };
}

/** Run with $connections. The names of files are in the order of what they hold in the data. */
const GUEST_SCRIPT = `set -e
modprobe nbd max_part=0
nbd-client "$NBD_HOST" "$NBD_PORT" /dev/nbd0 -name "" -C "$connections"
echo "queues $(ls /sys/block/nbd0/mq | wc -l)"
mkfs.ext4 -q /dev/nbd0
mount -t ext4 /dev/nbd0 /mnt
block=0 number=1000
while [ $block -lt ${data.length / 4096} ]; do
  for count in 1 3 25 240 731; do
    [ $((block + count)) -le ${data.length / 4096} ] || count=$((${data.length / 4096} - block))
    [ $count -gt 0 ] || continue
    dd if=/dev/vda of=/mnt/file-$number bs=4096 skip=$block count=$count 2>/dev/null
    block=$((block + count)) number=$((number + 1))
  done
done
sync
echo 3 >/proc/sys/vm/drop_caches
echo "files $(cat /mnt/file-* | sha256sum | cut -d ' ' -f 1)"
umount /mnt
e2fsck -fn /dev/nbd0
nbd-client -d /dev/nbd0

perl /job/nbd-keep.pl "$NBD_HOST" "$NBD_PORT" 0 "$connections" &
keeper=$!
while [ "$(cat /sys/block/nbd0/size)" = 0 ]; do usleep 100000; done
mount -t ext4 /dev/nbd0 /mnt
rm /mnt/file-*
number=1
while [ $number -le ${KEPT} ]; do
  dd if=/dev/vda of=/mnt/kept-$((1000 + number)) bs=${KEPT_BYTES} skip=$((number - 1)) count=1 conv=fsync 2>/dev/null
  echo "kept $number"
  number=$((number + 1))
done
echo 3 >/proc/sys/vm/drop_caches
echo "kept-files $(cat /mnt/kept-* | sha256sum | cut -d ' ' -f 1)"
umount /mnt
e2fsck -fn /dev/nbd0
kill $keeper
nbd-client -d /dev/nbd0
while [ "$(cat /sys/block/nbd0/size)" != 0 ]; do usleep 100000; done
`;

const test = suite("files on the kernel's nbd device");
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** Kills the server each time that enough files are kept; how often it came back, once the guest has ended. */
function killer(server: NbdServer): { onLine: (line: string) => void; done: () => Promise<number> } {
  let times = 0;
  let work = Promise.resolve();
  const killed = async (): Promise<void> => {
    await server.kill();
    // requests wait in the guest meanwhile
    await delay(500);
    await server.startAgain();
    times++;
  };
  return {
    onLine: (line) => {
      const number = /^kept (\d+)$/.exec(line)?.[1];
      if (KILLS.includes(Number(number))) work = work.then(killed);
    },
    done: async () => {
      await work;
      return times;
    },
  };
}

for (const connections of [1, 4]) {
  test(
    `${connections} of its connections: all is there, also when the server is killed`,
    async () => {
      const { spare, main } = images(shop);
      const server = await NbdServer.start(shop, spare, main);
      const kills = killer(server);
      const guest = await runGuest({
        folder: shop.folder,
        script: `connections=${connections}\n${GUEST_SCRIPT}`,
        disks: [`${shop.put('data.img', data)},ro`],
        files: [join(PROJECT, 'test', 'kernel', 'nbd-keep.pl')],
        port: server.port,
        onLine: kills.onLine,
      });
      console.log(guest.remarks.trim());
      const times = await kills.done();
      assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
      assert.is(said(guest, 'files'), sha256(data), 'the files');
      assert.is(said(guest, 'kept-files'), sha256(data.subarray(0, KEPT * KEPT_BYTES)), 'the synced files');
      assert.is(times, KILLS.length);
      const again = guest.output.match(/^attached again$/gm)?.length ?? 0;
      // a machine that is slow enough lets requests run out of time, which ends their connection
      assert.ok(again >= KILLS.length, `attached again ${again} times`);
      await server.stop();

      const { code, stdout } = await shop.run(['check', '-n', spare]);
      assert.is(code, 0, stdout);
      const used = filesOnSpare(readFileSync(main), readFileSync(spare));
      console.log(`${used} remapped sectors hold data of files`);
      assert.ok(used >= 10_000, `${used} remapped sectors hold data of files`);
    },
    GUEST_TIME,
  );
}

/** How many of the remapped sectors hold a piece of the data; that main holds what it did in all of them. */
function filesOnSpare(main: Buffer, spare: Buffer): number {
  const pieces = new Set<string>();
  const piece = (of: Buffer, sector: number) => of.toString('latin1', sector * SECTOR, (sector + 1) * SECTOR);
  for (let sector = 0; sector < data.length / SECTOR; sector++) pieces.add(piece(data, sector));
  const { truth } = judge(spare);
  assert.equal(
    truth,
    remaps().map(([from, to]) => [Number(from), Number(to)]),
  );
  const mark = piece(Buffer.alloc(SECTOR, MARK), 0);
  let used = 0;
  for (const [from, to] of truth ?? []) {
    assert.is(piece(main, from), mark, `main at ${from}`);
    if (pieces.has(piece(spare, to))) used++;
  }
  return used;
}
