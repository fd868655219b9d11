import { readFileSync } from 'node:fs';
import { Workshop } from '../obligations/workshop.js';
import { assert, suite } from '../support/harness.js';
import { GUEST_TIME, guestDisk, runGuest, said } from './guest.js';
import { dmremapOn, programDisk } from './program-disk.js';
import { buildSet, remappedContent, sha256 } from './remapped-set.js';

/**
 * The program inside the guest, on a main that the kernel makes bad by an error target, beside the mapping of
 * its own table: that one covers the bad sectors, and as long as it is there the spare is in use.
 */

const test = suite('the program beside its own mapping');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 16_384;
/** These have no medium behind them, and are remapped. */
const BAD = { at: 1000, count: 3 };
const set = {
  mainSectors: MAIN,
  spareSectors: 4096,
  maxEntries: 100,
  layout: 'redundant',
  seed: 'own mapping',
  entries: ({ dataStart }: { readonly dataStart: number }) =>
    [0, 1, 2].map((index) => [BAD.at + index, dataStart + 2 * index] as const),
} as const;

const [PROGRAM, MEDIUM, SPARE] = [0, 1, 2].map(guestDisk) as [string, string, string];
const AFTER = BAD.at + BAD.count;

const GUEST_SCRIPT = `set -e
${dmremapOn(PROGRAM)}
dmsetup create bad <<TABLE
0 ${BAD.at} linear ${MEDIUM} 0
${BAD.at} ${BAD.count} error
${AFTER} ${MAIN - AFTER} linear ${MEDIUM} ${AFTER}
TABLE
echo "bad $(badblocks -b 512 /dev/mapper/bad 2>/dev/null | tr '\\n' ' ')"
dmremap table ${SPARE} --main /dev/mapper/bad >/tmp/table
dmsetup create remapped /tmp/table
echo "badblocks$(badblocks -b 512 /dev/mapper/remapped 2>/dev/null) end"
echo "content $(sha256sum </dev/mapper/remapped | cut -d ' ' -f 1)"
tried() {
  code=0
  dmremap "$@" >/tmp/output 2>&1 || code=$?
  echo "$1 $code $(head -n 1 /tmp/output)"
}
tried check -n ${SPARE}
tried wipe ${SPARE} --discard-remaps ${BAD.count} --yes --no-undo
dmsetup remove remapped
echo "free"
tried check -p ${SPARE}
`;

test(
  'it covers the bad sectors, and holds the spare',
  async () => {
    const built = buildSet(set);
    const [main, spare] = [shop.put('main.img', built.main), shop.put('spare.img', built.spare)];
    const guest = await runGuest({
      folder: shop.folder,
      script: GUEST_SCRIPT,
      disks: [`${programDisk(shop)},ro`, main, spare],
      files: [],
    });
    console.log(guest.remarks.trim());
    assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
    const bad = said(guest, 'bad')?.trim().split(' ').map(Number) ?? [];
    // the kernel reads whole pages, and badblocks names all of a page
    assert.ok(
      [0, 1, 2].every((index) => bad.includes(BAD.at + index)) && bad.length <= 8,
      `badblocks without the mapping: ${bad.join(' ')}`,
    );
    assert.is(said(guest, 'badblocks'), 'end', 'badblocks with the mapping');
    assert.is(said(guest, 'content'), sha256(remappedContent(built)));
    assert.match(said(guest, 'check') ?? '', /^0 /);
    assert.match(said(guest, 'wipe') ?? '', /^8 .*\/dev\/vdc is in use: part of dm-1 \(remapped\)$/);
    assert.match(guest.output, /^free\ncheck 0 /m);
    assert.ok(readFileSync(spare).equals(built.spare), 'the spare holds something else');
  },
  GUEST_TIME,
);
