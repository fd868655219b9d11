import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workshop } from '../obligations/workshop.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { GUEST_TIME, guestDisk, runGuest, said } from './guest.js';
import { dmremapOn, programDisk } from './program-disk.js';
import { seededBytes, sha256 } from './remapped-set.js';

/**
 * The program inside the guest, on a main that the kernel makes bad by an error target: what badblocks finds is
 * remapped, and the mapping of the set's own table covers it. As long as that is there the spare is in use.
 */

const test = suite('the program beside its own mapping');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 16_384;
/** These have no medium behind them. */
const BAD = { at: 1000, count: 3 };
/** The kernel reads whole pages, and badblocks names all sectors of one. */
const LISTED = { at: 1000, count: 8 };

const [PROGRAM, MEDIUM, SPARE] = [0, 1, 2].map(guestDisk) as [string, string, string];
const AFTER = BAD.at + BAD.count;

const GUEST_SCRIPT = `set -e
${dmremapOn(PROGRAM)}
export DMREMAP_STATE_DIR=/tmp/state
tried() { # what the program says is left in /tmp/output
  code=0
  dmremap "$@" >/tmp/output 2>&1 || code=$?
  echo "$1 $code $(grep -v 'warning: ' /tmp/output | head -n 1)"
}
dmsetup create bad --uuid TEST-bad <<TABLE
0 ${BAD.at} linear ${MEDIUM} 0
${BAD.at} ${BAD.count} error
${AFTER} ${MAIN - AFTER} linear ${MEDIUM} ${AFTER}
TABLE
badblocks -b 512 -o /out/badblocks /dev/mapper/bad
tried create ${SPARE} --main /dev/mapper/bad --entries 100 --yes
tried remap ${SPARE} --badblocks /out/badblocks --block-size 512 --lost=zero --yes
cp /tmp/output /out/remap
dmremap table ${SPARE} >/tmp/table
dmsetup create remapped /tmp/table
echo "badblocks$(badblocks -b 512 /dev/mapper/remapped) end"
echo "content $(sha256sum </dev/mapper/remapped | cut -d ' ' -f 1)"
tried check -n ${SPARE}
tried wipe ${SPARE} --discard-remaps ${LISTED.count} --yes --no-undo
tried scan
dmsetup create dead --table '0 2048 error'
tried scan --quiet
dmsetup remove dead
dmsetup remove remapped
echo "free"
tried check -p ${SPARE}
`;

test(
  'what badblocks lists is remapped, and covered by the mapping, which holds the spare',
  async () => {
    const content = seededBytes('own mapping', MAIN * SECTOR);
    const [main, spare] = [shop.put('main.img', content), shop.sparse('spare.img', 4096 * SECTOR)];
    const out = shop.path('out');
    const guest = await runGuest({
      folder: shop.folder,
      script: GUEST_SCRIPT,
      disks: [`${programDisk(shop)},ro`, main, spare],
      files: [],
      out,
    });
    console.log(guest.remarks.trim());
    assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
    const list = readFileSync(join(out, 'badblocks'), 'utf8').trim().split('\n').map(Number);
    const wanted = Array.from({ length: LISTED.count }, (_, index) => LISTED.at + index);
    assert.equal(list, wanted, 'badblocks without the mapping');
    assert.match(said(guest, 'create') ?? '', /^0 /);
    // their data is lost
    assert.match(said(guest, 'remap') ?? '', /^4 /);
    const remapped = readFileSync(join(out, 'remap'), 'utf8');
    assert.match(remapped, `${SPARE}: ${LISTED.count} sectors remapped; ${LISTED.count} in all`);
    assert.match(remapped, `cannot be read: ${BAD.at}-${AFTER - 1}\n`);
    assert.is(said(guest, 'badblocks'), 'end', 'badblocks with the mapping');
    const seen = Buffer.from(content).fill(0, BAD.at * SECTOR, AFTER * SECTOR);
    assert.is(said(guest, 'content'), sha256(seen));
    assert.match(said(guest, 'check') ?? '', /^0 /);
    assert.match(said(guest, 'wipe') ?? '', /^8 .*\/dev\/vdc is in use: part of dm-1 \(remapped\)$/);
    const scans = guest.output.match(/^scan .*/gm) ?? [];
    assert.match(scans[0] ?? '', /^scan 0 SET=/, guest.output);
    assert.match(scans[1] ?? '', /^scan 8 .*dm-2: /, 'what cannot be read may be a spare');
    assert.match(guest.output, /^free\ncheck 0 /m);
    const { n, truth } = judge(readFileSync(spare));
    assert.is(n, 0);
    assert.equal(
      truth?.map(([sector]) => sector),
      wanted,
    );
  },
  GUEST_TIME,
);
