import { readFileSync, writeFileSync } from 'node:fs';
import type { Ended } from '../obligations/run-cli.js';
import { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { GUEST_TIME, guestDisk, guestFile, runGuest, said } from './guest.js';
import { askTable, renamed } from './linear-table.js';
import { NbdServer } from './nbd-server.js';
import { partitionTable } from './partition-table.js';
import {
  buildSet,
  type Ground,
  remappedContent,
  saveImage,
  seededBytes,
  sha256,
  writtenThrough,
} from './remapped-set.js';

/**
 * A set is moved to a new spare under a file system that is mounted from the kernel's nbd device, and device-mapper
 * shows the same by the new spare's table. Sizes are odd, main and spare are partitions, and so is the file system.
 */

const test = suite('a new spare under a mounted file system');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 65_537;
const set = {
  mainSectors: MAIN,
  spareSectors: 16_385,
  maxEntries: 8000,
  layout: 'redundant',
  seed: 'migrate',
  entries: ({ pick, dataStart, dataSectors }: Ground) => {
    const spare = pick(8000, dataSectors);
    // the partition table has to lie somewhere, too
    const main = [0, ...pick(7999, MAIN - 1).map((sector) => sector + 1)];
    return main.map((sector, index) => [sector, dataStart + (spare[index] ?? 0)] as const);
  },
} as const;
const NEW_SPARE = 20_001;
/** Where the file system's partition begins, and those of main and spare on their disks. */
const PARTITION = 63;

const FILES = 40;
const FILE_BYTES = 300_000;
const data = seededBytes('moved files', FILES * FILE_BYTES);
/** The migration begins when so many files are there. */
const BEGIN = 8;

const NBD_SCRIPT = `set -e
modprobe nbd max_part=8
nbd-client "$NBD_HOST" "$NBD_PORT" /dev/nbd0 -name ""
until [ -e /dev/nbd0p1 ]; do blockdev --rereadpt /dev/nbd0 || usleep 100000; done
mkfs.ext4 -q /dev/nbd0p1
mount -t ext4 /dev/nbd0p1 /mnt
number=1
while [ $number -le ${FILES} ]; do
  dd if=/job/data of=/mnt/file-$((1000 + number)) bs=${FILE_BYTES} skip=$((number - 1)) count=1 conv=fsync 2>/dev/null
  echo "written $number"
  number=$((number + 1))
done
echo 3 >/proc/sys/vm/drop_caches
echo "files $(cat /mnt/file-* | sha256sum)"
umount /mnt
e2fsck -fn /dev/nbd0p1
echo "device $(sha256sum </dev/nbd0)"
nbd-client -d /dev/nbd0
while [ "$(cat /sys/block/nbd0/size)" != 0 ]; do usleep 100000; done
`;

const tableScript = (table: string): string => `set -e
dmsetup create moved ${table}
echo "device $(sha256sum </dev/mapper/moved)"
dmsetup create files --table "0 ${MAIN - PARTITION} linear /dev/mapper/moved ${PARTITION}"
mount -t ext4 -o ro /dev/mapper/files /mnt
echo "files $(cat /mnt/file-* | sha256sum)"
`;

async function ranWell(job: Omit<Parameters<typeof runGuest>[0], 'folder'>) {
  const guest = await runGuest({ ...job, folder: shop.folder });
  console.log(guest.remarks.trim());
  assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
  return guest;
}

/** A disk with an image in its only partition. */
function disk(name: string, image: string): string {
  const content = readFileSync(image);
  const whole = Buffer.alloc(PARTITION * SECTOR + content.length);
  partitionTable(PARTITION, content.length / SECTOR).copy(whole);
  content.copy(whole, PARTITION * SECTOR);
  return saveImage(shop.path(name), whole);
}

test(
  'it is written on, and the table of the new spare shows the same',
  async () => {
    const built = writtenThrough(buildSet(set), 0, partitionTable(PARTITION, MAIN - PARTITION));
    const [main, spare] = [shop.put('main.img', built.main), shop.put('spare.img', built.spare)];
    const target = shop.sparse('target.img', NEW_SPARE * SECTOR);
    const server = await NbdServer.start(shop, spare, main);
    let [written, writtenAtEnd] = [0, 0];
    let migration: Promise<Ended> | undefined;
    const guest = await ranWell({
      script: NBD_SCRIPT,
      disks: [],
      files: [saveImage(shop.path('data'), data)],
      port: server.port,
      onLine: (line) => {
        written = Number(/^written (\d+)$/.exec(line)?.[1] ?? written);
        if (written === BEGIN && migration === undefined)
          migration = shop
            .run(['ctl', 'migrate', target, '--follow', '--control', server.control])
            .finally(() => {
              writtenAtEnd = written;
            });
      },
    });
    const moved = await migration;
    assert.is(moved?.code, 0, moved?.stderr);
    console.log(`moved while files ${BEGIN} to ${writtenAtEnd} of ${FILES} were written`);
    assert.ok(writtenAtEnd > BEGIN && writtenAtEnd < FILES, 'files were written before, meanwhile and after');
    await server.stop();
    const files = `${sha256(data)}  -`;
    const device = said(guest, 'device');
    assert.is(said(guest, 'files'), files);
    const { n, truth } = judge(readFileSync(target));
    assert.is(n, 0);
    const after = {
      entries: truth ?? [],
      main: readFileSync(main),
      spare: readFileSync(target),
    };
    assert.is(device, `${sha256(remappedContent(after))}  -`);
    const old = await shop.run(['table', spare, '--main', main]);
    assert.is(old.code, 8, 'the old spare is retired');

    const names = [main, target].map((image, index) => [image, `${guestDisk(index)}1`] as const);
    const table = shop.path('table');
    writeFileSync(table, renamed(await askTable(target, main), new Map(names)));
    const again = await ranWell({
      script: tableScript(guestFile(table)),
      disks: [disk('main-disk', main), disk('spare-disk', target)],
      files: [table],
    });
    assert.is(said(again, 'device'), device);
    assert.is(said(again, 'files'), files);
  },
  { timeoutMs: 2 * GUEST_TIME.timeoutMs },
);
