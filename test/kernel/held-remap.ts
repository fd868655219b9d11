import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, validatorOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { GUEST_TIME, type GuestResult, guestDisk, runGuest, said } from './guest.js';
import { partitionTable } from './partition-table.js';
import { dmremapOn, programDisk } from './program-disk.js';
import { seededBytes, sha256 } from './remapped-set.js';

/**
 * `remap --held-by` in the guest: sectors move while the set's own mapping, suspended, holds main and spare, and the
 * lines that are printed are typed as they are. What the page cache has of both disks is older than they are.
 */

const test = suite('remap under the own mapping');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const [PROGRAM, MEDIUM, SPARE] = [0, 1, 2].map(guestDisk) as [string, string, string];
const MAPPING = '/dev/mapper/held';

const PROLOGUE = `set -e
${dmremapOn(PROGRAM)}
export DMREMAP_STATE_DIR=/tmp/state
tried() { # NAME, then what is done; its output is left in /out/NAME and /out/NAME.errors
  name=$1 code=0
  shift
  dmremap "$@" >"/out/$name" 2>"/out/$name.errors" || code=$?
  echo "$name $code"
}
typed() { sed -n '/^dmsetup /,$p' "/out/$1" >/tmp/lines && sh -e /tmp/lines; }
mapped() { # as administrators make it
  dmremap table ${SPARE} --main "$1" --format command >/tmp/made
  sed -i 's/^dmsetup create [^ ]*/dmsetup create held/' /tmp/made
  sh -e /tmp/made
}
hinted() { # the line that an error's hint ends with, from this word on
  tr -s ' \\n' ' ' <"/out/$1.errors" | sed "s/; held is left suspended.*//; s/.*: \\($2 \\)/\\1/" >/tmp/hinted
  . /tmp/hinted
}
`;

async function guestOn(disks: readonly string[], script: string): Promise<GuestResult> {
  const guest = await runGuest({
    folder: shop.folder,
    script: `${PROLOGUE}${script}`,
    disks: [`${programDisk(shop, 'dmsetup')},ro`, ...disks],
    files: [],
    out: shop.path('out'),
  });
  console.log(guest.remarks.trim());
  assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
  return guest;
}

function left(name: string): string {
  return readFileSync(join(shop.path('out'), name), 'utf8');
}

/** The partition that is main, in sectors. */
const PARTITION = { first: 2048, count: 16_384 };
const MAIN = `${MEDIUM}1`;

/** Most of the file system is moved in two steps, which begin and end within a page. */
const MOVED = [
  [9, 6001],
  [8193, 6003],
] as const;

const MOUNTED = `
dmremap create ${SPARE} --main ${MAIN} --entries 12500 --yes --quiet
mapped ${MAIN}
mkfs.ext4 -q -b 1024 ${MAPPING}
mkdir -p /mnt
mount -t ext4 ${MAPPING} /mnt
dd if=/dev/urandom of=/mnt/kept bs=1M count=1 2>/dev/null
dd if=/dev/urandom of=/mnt/changed bs=1M count=1 2>/dev/null
sync
sha256sum /mnt/kept >/tmp/kept.sum
tried running remap ${SPARE} --main ${MAIN} ${MOVED[0].join('+')} --held-by held --yes
dmsetup suspend held
tried dry remap ${SPARE} --main ${MAIN} ${MOVED[0].join('+')} --held-by held --dry-run
tried first remap ${SPARE} --main ${MAIN} ${MOVED[0].join('+')} --held-by held --yes
typed first
# from here on the page cache has both disks as they were
cat ${MAIN} ${SPARE} | sha256sum >/dev/null
dd if=/dev/urandom of=/mnt/changed bs=1M count=1 conv=notrunc 2>/dev/null
sync
sha256sum /mnt/changed >/tmp/changed.sum
dmsetup suspend held
tried second remap ${SPARE} --main ${MAIN} ${MOVED[1].join('+')} --held-by ${MAPPING} --yes --json
node() { chroot /program /node "$@"; }
cp /out/second /tmp/second
node -e 'console.log(JSON.parse(require("fs").readFileSync("/tmp/second")).table.join("\\n"))' >/tmp/table
dmsetup reload held </tmp/table
dmsetup resume held
echo 3 >/proc/sys/vm/drop_caches
sha256sum -c /tmp/kept.sum /tmp/changed.sum
umount /mnt
e2fsck -fn ${MAPPING} >/dev/null && echo "clean yes"
dmremap table ${SPARE} --main ${MAIN} | cmp - /tmp/table && echo "table same"
dmsetup suspend held
tried nothing remap ${SPARE} --main ${MAIN} 9+8 --held-by held --yes
typed nothing
dmsetup remove held
tried check check -n ${SPARE} --main ${MAIN}
`;

test(
  'a mounted file system stays the same while its sectors move',
  async () => {
    const disk = Buffer.alloc((PARTITION.first + PARTITION.count) * SECTOR);
    partitionTable(PARTITION.first, PARTITION.count).copy(disk);
    const main = shop.put('main.img', disk);
    const spare = shop.sparse('spare.img', 20_000 * SECTOR);
    const guest = await guestOn([main, spare], MOUNTED);
    const codes = Object.entries({ running: 8, dry: 0, first: 0, second: 0, nothing: 0, check: 0 });
    for (const [name, code] of codes)
      assert.is(said(guest, name), String(code), `${name}: ${left(`${name}.errors`)}`);
    assert.match(left('running.errors'), /held is not suspended\n.*dmsetup suspend held/s);
    assert.match(
      left('dry'),
      /would be remapped.*\nheld is still suspended; type this:\ndmsetup resume held\n$/,
    );
    assert.match(
      left('nothing'),
      /0 sectors remapped.*held is still suspended; type this:\ndmsetup resume held\n$/s,
    );
    const document = JSON.parse(left('second')) as Document;
    assert.is(validatorOf('remap')(document), true);
    assert.equal(document['commands'], ['dmsetup reload held', 'dmsetup resume held']);
    assert.match(guest.output, '/mnt/kept: OK\n/mnt/changed: OK\n');
    assert.is(said(guest, 'clean'), 'yes');
    assert.is(said(guest, 'table'), 'same');
    const { n, truth } = judge(readFileSync(spare));
    assert.is(n, 0);
    assert.is(truth?.length, MOVED[0][1] + MOVED[1][1]);
  },
  GUEST_TIME,
);

const SECTORS = 16_384;
/** These have no medium behind them. */
const BAD = { at: 1000, count: 8 };
const AFTER = BAD.at + BAD.count;

const REFUSED = `
dmsetup create bad --uuid TEST-bad <<TABLE
0 ${BAD.at} linear ${MEDIUM} 0
${BAD.at} ${BAD.count} error
${AFTER} ${SECTORS - AFTER} linear ${MEDIUM} ${AFTER}
TABLE
dmremap create ${SPARE} --main /dev/mapper/bad --entries 100 --yes --quiet
dmremap remap ${SPARE} --main /dev/mapper/bad 5 --yes --quiet
mapped /dev/mapper/bad
line="remap ${SPARE} --main /dev/mapper/bad"
dmsetup suspend held
dmsetup create other --table "0 8 linear ${SPARE} 0"
tried other $line 40 --held-by held --yes
dmsetup suspend other
tried foreign $line 40 --held-by other --yes
dmsetup resume other
dmsetup remove other
dmsetup reload held --table "0 ${SECTORS} zero" || dmsetup reload held --table "0 ${SECTORS} error"
tried waiting $line 40 --held-by held --yes
dmsetup clear held
dmsetup reload held </dev/null 2>/dev/null || echo "empty refused"
tried lost $line 990-1015 --held-by held --yes
tried again $line 40 --held-by held --yes
# its uuid is lost with it
dmsetup table held >/tmp/old
dmsetup resume held
dmsetup remove held
dmsetup create held /tmp/old
dmsetup suspend held
tried unnamed $line 40 --held-by held --yes
hinted unnamed dmsetup
tried older $line 40 --held-by held --yes
hinted older dmremap
dmsetup suspend held
tried right $line 40 --held-by held --yes
typed right
dd if=${MAPPING} bs=512 count=${BAD.at} 2>/dev/null | sha256sum | sed 's/^/before /; s/ *-$//'
dd if=${MAPPING} bs=512 skip=${AFTER} iflag=direct 2>/dev/null | sha256sum | sed 's/^/behind /; s/ *-$//'
dd if=${MAPPING} bs=512 skip=${BAD.at} count=1 iflag=direct of=/dev/null 2>/dev/null || echo "lost unreadable"
dmsetup remove held
tried check check -n ${SPARE} --main /dev/mapper/bad
`;

test(
  "what is not the set's own mapping, or not all that holds it, is refused",
  async () => {
    const content = seededBytes('held remap', SECTORS * SECTOR);
    const main = shop.put('main.img', content);
    const spare = shop.sparse('spare.img', 4096 * SECTOR);
    const guest = await guestOn([main, spare], REFUSED);
    const refusals: Record<string, [code: number, says: RegExp]> = {
      other: [
        8,
        /\/dev\/vdc is in use: part of dm-\d \(other\) .*held is left suspended.*dmsetup resume held/,
      ],
      foreign: [8, /\/dev\/vdc is in use: part of dm-\d \(held\)/],
      waiting: [8, /another table waiting.*dmsetup clear held/],
      again: [8, /the table of held is not that of the set: line \d is /],
      unnamed: [8, /it has no uuid.*dmsetup rename held --setuuid DMREMAP-/],
      older: [8, /the table of held is not that of the set/],
    };
    for (const [name, [code, says]] of Object.entries(refusals)) {
      assert.is(said(guest, name), String(code), `${name}: ${left(`${name}.errors`)}`);
      assert.match(left(`${name}.errors`).replace(/\s+/g, ' '), says);
    }
    assert.is(said(guest, 'empty'), 'refused');
    assert.is(said(guest, 'lost'), '4', left('lost.errors'));
    assert.match(left('lost'), /cannot be read: 1000-1007\n.*type this:\ndmsetup reload held <<'TABLE'\n/s);
    assert.is(said(guest, 'right'), '0', left('right.errors'));
    assert.is(said(guest, 'before'), sha256(content.subarray(0, BAD.at * SECTOR)));
    assert.is(said(guest, 'behind'), sha256(content.subarray(AFTER * SECTOR)));
    assert.is(said(guest, 'lost unreadable'), undefined);
    assert.match(guest.output, /^lost unreadable$/m);
    assert.is(said(guest, 'check'), '0', left('check'));
    const { n, truth } = judge(readFileSync(spare));
    assert.is(n, 0);
    const moved = [
      5,
      40,
      ...Array.from({ length: 10 }, (_, index) => 990 + index),
      ...Array.from({ length: 8 }, (_, index) => 1008 + index),
    ];
    assert.equal(
      truth?.map(([sector]) => sector),
      moved,
    );
  },
  GUEST_TIME,
);
