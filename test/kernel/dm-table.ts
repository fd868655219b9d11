import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, needs, suite } from '../support/harness.js';
import { GUEST_TIME, type GuestResult, guestDisk, guestFile, runGuest, said as saidBy } from './guest.js';
import { askTable, renamed, run } from './linear-table.js';
import {
  buildSet,
  type Ground,
  type RemappedSet,
  remappedContent,
  type SetSpec,
  saveImage,
  seededBytes,
  sha256,
  writtenThrough,
} from './remapped-set.js';

/**
 * Linux's own device-mapper, given the linear table that `dmremap table` prints, shows every byte of the
 * remapped device as the metadata says, and writes to the same places. Run by `npm run test:kernel`; it boots
 * a small virtual machine (README.md beside the source) and is no part of `npm test`.
 */

const MIB = 1024 * 1024;

/** Where the guest writes through the table: over the front of main, whole and remapped sectors alike. */
const WRITE_AT = 4096;
const WRITE_LENGTH = 2 * MIB;

interface Case extends SetSpec {
  readonly title: string;
}

const sizes = { mainSectors: (64 * MIB) / 512, spareSectors: (8 * MIB) / 512, maxEntries: 1000 };

/** Single sectors anywhere, in no order on either side. */
function scattered(count: number) {
  return ({ pick, mainSectors, dataStart, dataSectors }: Ground) => {
    const spare = pick(count, dataSectors);
    return pick(count, mainSectors).map((main, index) => [main, dataStart + (spare[index] ?? 0)] as const);
  };
}

/** Both ends of main, and runs of neighbours that are neighbours on the spare, in reverse there, or not. */
function runs({ mainSectors, dataStart, dataSectors }: Ground) {
  const entries: [number, number][] = [];
  const run = (main: number, length: number, spare: (index: number) => number) => {
    for (let index = 0; index < length; index++) entries.push([main + index, dataStart + spare(index)]);
  };
  run(0, 8, (index) => index);
  run(mainSectors - 64, 64, (index) => dataSectors - 64 + index);
  run(5000, 64, (index) => 1063 - index);
  run(6000, 200, (index) => 2000 + index);
  // Neighbours on main with a hole between them on the spare, and the other way round.
  run(6200, 8, (index) => 2201 + index);
  for (let index = 0; index < 32; index++) entries.push([7000 + 2 * index, dataStart + 3000 + index]);
  return entries;
}

const cases: readonly Case[] = [
  {
    ...sizes,
    title: '1,000 scattered remaps, redundant layout',
    layout: 'redundant',
    seed: 'a',
    entries: scattered(1000),
  },
  { ...sizes, title: 'runs of remaps, plain layout', layout: 'plain', seed: 'b', entries: runs },
  { ...sizes, title: 'no remap at all', layout: 'redundant', seed: 'c', entries: () => [] },
];

/** A case with its images on disk; `disk` numbers its main, the spare follows. */
interface Prepared {
  readonly set: RemappedSet;
  readonly main: string;
  readonly spare: string;
  readonly disk: number;
}

// The table names image files by their real paths.
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dmremap-kernel-')));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function prepare(spec: Case, index: number): Prepared {
  const set = buildSet(spec);
  const main = saveImage(join(folder, `main-${spec.seed}.img`), set.main);
  const spare = saveImage(join(folder, `spare-${spec.seed}.img`), set.spare);
  return { set, main, spare, disk: 2 * index };
}

const GUEST_SCRIPT = `set -e
check() { # NAME TABLE FILE OFFSET-IN-SECTORS
  dmsetup create "$1" "$2"
  echo "lines $1 $(dmsetup table "$1" | wc -l)"
  echo "before $1 $(sha256sum <"/dev/mapper/$1" | cut -d ' ' -f 1)"
  dd if="$3" of="/dev/mapper/$1" bs=4096 seek="$4" oflag=seek_bytes,direct conv=notrunc 2>/dev/null
  echo 3 >/proc/sys/vm/drop_caches
  echo "after $1 $(sha256sum <"/dev/mapper/$1" | cut -d ' ' -f 1)"
  dmsetup remove "$1"
}
`;

const test = suite('device-mapper table');

const prepared = cases.map(prepare);
const tables: string[] = [];
const written = seededBytes('written in the guest', WRITE_LENGTH);
let guest: GuestResult | undefined;

/** What the guest printed after these words. */
function said(words: string): string | undefined {
  return guest && saidBy(guest, words);
}

test(
  'the guest takes every table',
  async () => {
    const data = saveImage(join(folder, 'written'), written);
    const files = [data];
    let script = GUEST_SCRIPT;
    for (const [index, { main, spare, disk }] of prepared.entries()) {
      const names = new Map([
        [main, guestDisk(disk)],
        [spare, guestDisk(disk + 1)],
      ]);
      const table = await askTable(spare, main);
      tables[index] = table;
      const file = join(folder, `table-${index}`);
      writeFileSync(file, renamed(table, names));
      files.push(file);
      script += `check t${index} ${guestFile(file)} ${guestFile(data)} ${WRITE_AT}\n`;
    }
    const disks = prepared.flatMap(({ main, spare }) => [main, spare]);
    guest = await runGuest({ folder, script, disks, files });
    console.log(guest.remarks.trim());
    assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
  },
  GUEST_TIME,
);

for (const [index, { title }] of cases.entries()) {
  test(`${title}: every byte is read from its place`, () => {
    const one = prepared[index];
    assert.ok(one);
    assert.is(said(`lines t${index}`), String(tables[index]?.trimEnd().split('\n').length));
    assert.is(said(`before t${index}`), sha256(remappedContent(one.set)));
  });

  test(`${title}: every byte is written to its place`, () => {
    const one = prepared[index];
    assert.ok(one);
    const after = writtenThrough(one.set, WRITE_AT, written);
    assert.is(said(`after t${index}`), sha256(remappedContent(after)));
    assert.ok(readFileSync(one.main).equals(after.main), 'main holds something else');
    assert.ok(readFileSync(one.spare).equals(after.spare), 'the spare holds something else');
  });
}

test('block devices are named by their numbers', async () => {
  needs('losetup', 'root');
  const one = prepared[0];
  assert.ok(one);
  const devices: string[] = [];
  try {
    const names = new Map<string, string>();
    for (const image of [one.main, one.spare]) {
      const device = (await run('losetup', ['--find', '--show', '--read-only', image])).trim();
      devices.push(device);
      names.set(readFileSync(`/sys/class/block/${device.slice('/dev/'.length)}/dev`, 'utf8').trim(), image);
    }
    const [main = '', spare = ''] = devices;
    assert.is(renamed(await askTable(spare, main), names), tables[0]);
  } finally {
    for (const device of devices) await run('losetup', ['--detach', device]);
  }
});
