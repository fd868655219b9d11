import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../device/scratch.js';
import { Workshop } from '../obligations/workshop.js';
import { redundantGeometry, SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import {
  type BootTree,
  bootTree,
  FORMATS,
  type Format,
  stepsInTree,
  TARGETS,
  type Target,
} from './boot-tree.js';
import { GUEST_TIME, type GuestResult, guestDisk, runGuest, said } from './guest.js';
import {
  buildSet,
  type Ground,
  type RemappedSet,
  remappedContent,
  saveImage,
  seededBytes,
  sha256,
  writtenThrough,
} from './remapped-set.js';

/**
 * The files of `dmremap unit` build the device when the guest starts, whatever order its disks are attached in:
 * the initramfs as its hooks make it, and the lines of the systemd units, run as systemd runs them.
 */

const test = suite('boot files at a cold start');
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

/** A sector more than whole file system blocks. */
const MAIN = 32_769;
const SPARE = 4096;
const CAPACITY = 1000;
const FILE = seededBytes('file', 6 * 1024 * 1024);
const ADDED = seededBytes('added', 300_000);
const UUID = '11111111-2222-3333-4444-555555555555';
const NAME = 'dmremap-11111111';

/** A set with a file system on it, one file in that, and a backup that is lost. */
function makeSet(): RemappedSet {
  const empty = buildSet({
    mainSectors: MAIN,
    spareSectors: SPARE,
    maxEntries: CAPACITY,
    layout: 'redundant',
    seed: 'cold start',
    fields: { main_id: 'serial:main.img' },
    entries: ({ pick, dataStart, dataSectors }: Ground) => {
      const spare = pick(500, dataSectors);
      return pick(500, MAIN).map((main, index) => [main, dataStart + (spare[index] ?? 0)] as const);
    },
  });
  const files = shop.folderAt('files');
  saveImage(join(files, 'file'), FILE);
  const filesystem = shop.sparse('filesystem.img', MAIN * SECTOR);
  run('mke2fs', '-q', '-t', 'ext4', '-d', files, filesystem);
  const set = writtenThrough(empty, 0, readFileSync(filesystem));
  set.spare.fill(0, redundantGeometry(SPARE, CAPACITY).backupHeader * SECTOR);
  return set;
}

interface Way {
  readonly target: Target;
  readonly format: Format;
}

/** Shell lines that build the device, look at it while `look` runs, and take it away. */
function steps(tree: BootTree, way: Way, look: string): string {
  const { target, format } = way;
  if (format === 'systemd') return unitSteps(tree.content(target, format, '.service'), look);
  const start =
    format === 'dracut'
      ? `cp ${tree.place(target, format, 'build.sh')} /sbin/${NAME}; ( . ${tree.place(target, format, 'hook.sh')} )`
      : tree.place(target, format, 'local-top');
  const stop =
    target === 'linear'
      ? `dmsetup remove ${NAME}`
      : `nbd-client -d "$(readlink /run/dmremap/${NAME})"; rm /run/dmremap/${NAME}; dmremap ctl stop --set ${UUID}`;
  return `${start}\n${look}\n${stop}\n`;
}

/** The lines of a unit in the order in which systemd runs them (systemd.service(5), “COMMAND LINES”). */
function unitSteps(unit: string, look: string): string {
  const lines = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(-?)(.*)$`, 'gm'))].map(([, dash, line = '']) => {
      const plain = line.replace(/\\\\|\$\$|%%/g, (two) => two[0] ?? '');
      return dash === '-' ? `${plain} || true` : plain;
    });
  const [start = ''] = lines('ExecStart');
  const main = unit.includes('Type=notify')
    ? `${start} & main=$!\nuntil test -S /run/dmremap/${UUID}.nbd; do sleep 1; done`
    : start;
  const end = unit.includes('Type=notify') ? ['kill $main', 'wait $main'] : [];
  return [
    ...[...lines('ExecStartPre'), main, ...lines('ExecStartPost'), look],
    ...[...lines('ExecStop'), ...end, ...lines('ExecStopPost')],
  ].join('\n');
}

const deviceOf = (target: Target) => (target === 'linear' ? `/dev/mapper/${NAME}` : `/run/dmremap/${NAME}`);

/** What is seen of the device, after these words. */
function look({ target, format }: Way): string {
  const device = deviceOf(target);
  const words = `${target} ${format}`;
  return `echo "${words} device $(sha256sum <${device})"
mount -t ext4 -o ro ${device} /mnt
echo "${words} file $(sha256sum </mnt/file)"
echo "${words} added $(sha256sum </mnt/added)"
umount /mnt`;
}

async function boot(tree: BootTree, disks: readonly string[], script: string): Promise<GuestResult> {
  const guest = await runGuest({
    folder: shop.folder,
    script: `set -e\n${stepsInTree(guestDisk(0))}`,
    disks: [tree.image, ...disks],
    files: [
      saveImage(shop.path('steps'), Buffer.from(`set -e\n${script}`)),
      saveImage(shop.path('added'), ADDED),
    ],
  });
  console.log(guest.remarks.trim());
  assert.is(guest.code, 0, `${guest.output}\n${guest.remarks}`);
  return guest;
}

test(
  'the device is built, and built again with the disks in the other order',
  async () => {
    needs('root', 'dmsetup', 'nbd-client', '/usr/share/initramfs-tools/hook-functions');
    const set = makeSet();
    const [main, spare] = [shop.put('main.img', set.main), shop.put('spare.img', set.spare)];
    const tree = await bootTree(shop, spare);
    const first = { target: 'linear', format: 'initramfs-tools' } as const;
    const device = deviceOf(first.target);
    const add = `echo "before $(sha256sum <${device})"
mount -t ext4 ${device} /mnt
cp /job/added /mnt/added
umount /mnt`;
    const guest = await boot(tree, [main, spare], steps(tree, first, add));
    assert.is(said(guest, 'before'), `${sha256(remappedContent(set))}  -`);
    assert.is(judge(readFileSync(spare)).n, 0, 'the backup was made anew');

    const ways = TARGETS.flatMap((target) => FORMATS.map((format) => ({ target, format })));
    const script = ways.map((way) => steps(tree, way, look(way))).join('\n');
    const written = remappedContent({ ...set, main: readFileSync(main), spare: readFileSync(spare) });
    const again = await boot(tree, [spare, main], script);
    for (const { target, format } of ways) {
      const seen = (what: string) => said(again, `${target} ${format} ${what}`);
      assert.is(seen('device'), `${sha256(written)}  -`);
      assert.is(seen('file'), `${sha256(FILE)}  -`);
      assert.is(seen('added'), `${sha256(ADDED)}  -`);
    }
    assert.is(judge(readFileSync(spare)).n, 0);
  },
  { timeoutMs: 2 * GUEST_TIME.timeoutMs },
);
