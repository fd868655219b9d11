import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from '../commands/served-set.js';
import { numbered } from '../device/scratch.js';
import { Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import { buildImage } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { GUEST_TIME, type GuestJob, type GuestResult, runGuest, said } from './guest.js';
import { NbdServer } from './nbd-server.js';
import { partitionTable } from './partition-table.js';
import { buildSet, remappedContent, saveImage, seededBytes, sha256, writtenThrough } from './remapped-set.js';

/** What the kernel's nbd device is like: its limits, partitions, single sectors, read-only, and sectors that fail. */

const test = suite("the kernel's nbd device");
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const ATTACH = `set -e
modprobe nbd max_part=8
attach() {
  until nbd-client "$NBD_HOST" "$NBD_PORT" /dev/nbd0 -name ""; do usleep 100000; done
}
detach() {
  nbd-client -d /dev/nbd0
  while [ "$(cat /sys/block/nbd0/size)" != 0 ]; do usleep 100000; done
}
`;

async function ranWell(job: Omit<GuestJob, 'folder' | 'disks'>): Promise<GuestResult> {
  const guest = await runGuest({ ...job, folder: shop.folder, disks: [] });
  console.log(guest.remarks.trim());
  assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
  return guest;
}

/** An odd number of sectors, with remaps at both ends and in the midst of what is written. */
const MAIN = 32_769;
const set = {
  mainSectors: MAIN,
  spareSectors: 4096,
  maxEntries: 1000,
  layout: 'redundant',
  seed: 'device',
  entries: ({ dataStart }: { readonly dataStart: number }) =>
    [0, 1, 90, 92, 100, 101, 102, 160, 5000, MAIN - 1].map(
      (main, index) => [main, dataStart + 3 * index] as const,
    ),
} as const;

/** The first sector of a partition over all that follows. */
const PARTITION = 2048;

const WRITTEN = { at: 80, sectors: 100 };
const ZEROED = { at: 91, sectors: 40 };

const DEVICE_SCRIPT = `
attach
limit() { echo "$1 $(cat "/sys/block/nbd0/queue/$1")"; }
limit rotational
limit logical_block_size
limit physical_block_size
limit discard_granularity
limit write_cache
limit fua
[ "$(cat /sys/block/nbd0/queue/discard_max_bytes)" -gt 0 ]
echo "size $(blockdev --getsz /dev/nbd0)"
echo "read-only $(blockdev --getro /dev/nbd0)"
echo "partition $(cat /sys/block/nbd0/nbd0p1/start) $(cat /sys/block/nbd0/nbd0p1/size)"
echo "before $(sha256sum </dev/nbd0)"
dd if=/job/written of=/dev/nbd0 bs=512 seek=${WRITTEN.at} oflag=direct 2>/dev/null
blkdiscard -z -o ${ZEROED.at * SECTOR} -l ${ZEROED.sectors * SECTOR} /dev/nbd0
echo "after $(dd if=/dev/nbd0 bs=512 count=${WRITTEN.at + WRITTEN.sectors + 1} iflag=direct 2>/dev/null | sha256sum)"
echo 3 >/proc/sys/vm/drop_caches
echo "whole $(sha256sum </dev/nbd0)"
blkdiscard -o ${(PARTITION + 1) * SECTOR} -l ${8192 * SECTOR} /dev/nbd0
echo "front $(dd if=/dev/nbd0 bs=512 count=${PARTITION + 1} 2>/dev/null | sha256sum)"
mkfs.ext4 -q /dev/nbd0p1
mount -t ext4 /dev/nbd0p1 /mnt
cp /job/written /mnt/written
umount /mnt
e2fsck -fn /dev/nbd0p1
detach

echo "serve read-only"
until nbd-client "$NBD_HOST" "$NBD_PORT" /dev/nbd0 -name "" && [ "$(blockdev --getro /dev/nbd0)" = 1 ]; do detach; done
if dd if=/job/written of=/dev/nbd0 bs=512 count=1 oflag=direct 2>/dev/null; then exit 1; fi
mount -t ext4 -o ro /dev/nbd0p1 /mnt
cmp /job/written /mnt/written
umount /mnt
detach
`;

test(
  'limits, partitions, direct I/O of single sectors, zeros, discards; then read-only',
  async () => {
    const built = buildSet(set);
    const [[, first] = []] = built.entries;
    partitionTable(PARTITION, MAIN - PARTITION).copy(built.spare, Number(first) * SECTOR);
    const written = seededBytes('written', WRITTEN.sectors * SECTOR);
    const [spare, main] = [shop.put('spare.img', built.spare), shop.put('main.img', built.main)];
    const server = await NbdServer.start(shop, spare, main);
    let again = Promise.resolve();
    const guest = await ranWell({
      script: ATTACH + DEVICE_SCRIPT,
      files: [saveImage(shop.path('written'), written)],
      port: server.port,
      onLine: (line) => {
        if (line === 'serve read-only') again = server.stop().then(() => server.startAgain('--read-only'));
      },
    });
    await again;
    await server.stop();

    const before = remappedContent(built);
    const zeroed = writtenThrough(
      writtenThrough(built, WRITTEN.at * SECTOR, written),
      ZEROED.at * SECTOR,
      Buffer.alloc(ZEROED.sectors * SECTOR),
    );
    const after = remappedContent(zeroed);
    const front = (sectors: number) => sha256(after.subarray(0, sectors * SECTOR));
    const wanted = {
      logical_block_size: '512',
      physical_block_size: '512',
      discard_granularity: '512',
      write_cache: 'write back',
      fua: '1',
      size: `${MAIN}`,
      'read-only': '0',
      partition: `${PARTITION} ${MAIN - PARTITION}`,
      before: `${sha256(before)}  -`,
      after: `${front(WRITTEN.at + WRITTEN.sectors + 1)}  -`,
      whole: `${sha256(after)}  -`,
      front: `${front(PARTITION + 1)}  -`,
    };
    for (const [words, what] of Object.entries(wanted)) assert.is(said(guest, words), what, words);
    const { code, stdout } = await shop.run(['check', '-n', spare]);
    assert.is(code, 0, stdout);
  },
  GUEST_TIME,
);

/** Reads of these fail, and writes of those. */
const UNREADABLE = { at: 100, count: 3 };
const UNWRITABLE = { at: 300, count: 2 };
/** Every sector of this range is asked for by itself. */
const LOOKED_AT = { from: 90, end: 110 };

const FAILING_SCRIPT = `
attach
look() { # each sector is appended to the file $1, or is told
  sector=${LOOKED_AT.from}
  while [ $sector -lt ${LOOKED_AT.end} ]; do
    if ! dd if=/dev/nbd0 bs=512 skip=$sector count=1 iflag=direct >>"$1" 2>/tmp/why; then
      echo "$1 $sector $(grep -c 'Input/output error' /tmp/why)"
    fi
    sector=$((sector + 1))
  done
}
cd /out
look before
if dd if=/dev/nbd0 of=/dev/null bs=64K count=1 iflag=direct 2>/dev/null; then exit 1; fi
dd if=/job/written of=/dev/nbd0 bs=512 seek=${UNREADABLE.at} count=${UNREADABLE.count} oflag=direct 2>/dev/null
look after
dd if=/job/written of=/dev/nbd0 bs=64K count=1 oflag=direct,seek_bytes seek=${(UNWRITABLE.at - 40) * SECTOR} conv=fsync 2>/dev/null
echo "moved $(dd if=/dev/nbd0 bs=512 skip=${UNWRITABLE.at - 40} count=128 iflag=direct 2>/dev/null | sha256sum)"
detach
`;

test(
  'sectors of main that fail: EIO for them alone, until they are written',
  async () => {
    needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
    const sectors = 4096;
    const content = numbered(sectors * SECTOR);
    const disk = await FailingDisk.start(shop, shop.put('content.img', content), sectors * SECTOR);
    disk.set({ read: range(UNREADABLE), write: range(UNWRITABLE) });
    const layout = { layout: 'redundant', sectors: 2048, maxEntries: 100, mainSectors: sectors } as const;
    const spare = shop.put('spare.img', buildImage(layout));
    const server = await NbdServer.start(shop, spare, disk.path);
    const written = seededBytes('written', 128 * SECTOR);
    const guest = await ranWell({
      script: ATTACH + FAILING_SCRIPT,
      files: [saveImage(shop.path('written'), written)],
      port: server.port,
      out: shop.path('out'),
    });
    const status = await ask(server.control, 'status');
    await server.stop();

    const bad = [0, 1, 2].map((index) => UNREADABLE.at + index);
    assert.equal(
      guest.output.match(/^before \d+ .*$/gm),
      bad.map((sector) => `before ${sector} 1`),
    );
    const found = (name: string) => readFileSync(join(shop.path('out'), name));
    const part = (from: number, end: number) => content.subarray(from * SECTOR, end * SECTOR);
    const [head, tail] = [part(LOOKED_AT.from, UNREADABLE.at), part(UNREADABLE.at + 3, LOOKED_AT.end)];
    assert.ok(found('before').equals(Buffer.concat([head, tail])), 'what is read beside them');
    const healed = Buffer.concat([head, written.subarray(0, 3 * SECTOR), tail]);
    assert.ok(found('after').equals(healed), 'what is read once they are written');
    assert.is(said(guest, 'moved'), `${sha256(written)}  -`);
    assert.match(status, / 5\/100 .* health=1 errors=W2:R\d+ auto_remaps=5 /);
    const { n, truth } = judge(readFileSync(spare));
    assert.is(n, 0);
    assert.equal(
      truth?.map(([main]) => main),
      [...bad, UNWRITABLE.at, UNWRITABLE.at + 1],
    );
  },
  GUEST_TIME,
);

function range({ at, count }: { readonly at: number; readonly count: number }) {
  return [at * SECTOR, (at + count) * SECTOR] as const;
}
