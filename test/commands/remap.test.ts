import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { run as tool } from '../device/scratch.js';
import { hashOf, patient, Workshop } from '../obligations/workshop.js';
import { FailingDisk } from '../serve/failing-disk.js';
import type { Entry, ImageSpec } from '../support/build-image.js';
import { SECTOR, u64 } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { assertRefused } from './changes.js';
import { Remapped } from './remapped.js';

/** Sectors get a place on the spare with their data, by the independent reader; lists that real tools have made. */

const test = suite('dmremap remap');
const slow = patient(test);
let shop: Workshop;
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const MAIN = 2048;

function start(entries: readonly Entry[] = [], more: Partial<ImageSpec> = {}): Remapped {
  return Remapped.make(shop, { mainSectors: MAIN, entries, ...more });
}

slow('named sectors move with their data, in one commit', async () => {
  const set = start([[5, 40]]);
  const done = await set.remap('5', '7', '100-107', '2040+8');
  assert.equal([done['exit_code'], done['remapped'], done['entries']], [0, 17, 18]);
  assert.equal(done['already_remapped'], [{ main_sector: 5, count: 1 }]);
  assert.equal(done['lost'], []);
  set.assertRemapped([5, 7, ...run(100, 8), ...run(2040, 8)]);
  const counters = ['manual_remaps', 'total_remaps_created', 'lost_remaps'] as const;
  assert.equal(
    counters.map((field) => u64(set.header, field)),
    [18n, 18n, 0n],
  );
  assert.is((await set.remap('5', '7', '100-107', '2040+8'))['applied'], false);
});

slow('plain sets and sets without room for identities, too', async () => {
  for (const layout of ['plain', 'plain-ext'] as const) {
    const set = start([[5, 40]], { layout });
    assert.is((await set.remap('9-10'))['exit_code'], 0, layout);
    set.assertRemapped([5, 9, 10]);
  }
});

slow('what cannot be is refused before anything is asked or written', async () => {
  const set = start([], { maxEntries: 8, sectors: 24 + 4 + 16 });
  const untouched = [set.spare, set.main];
  const refused = (code: Parameters<typeof assertRefused>[2], says: RegExp, ...line: string[]) =>
    assertRefused(shop, ['remap', set.spare, '--main', set.main, ...line], code, says, untouched);
  await refused('usage', /sector 2048 is beyond the end of main, whose last is 2047/, '2048', '--yes');
  await refused('usage', /beyond the end/, '2040+9', '--yes');
  await refused('no-space', /room for 8 more remaps, and 9/, '0-8', '--yes');
  await refused('no-space', /room for 8/, '0-2047', '--yes');
  await refused('no-terminal', /no terminal/, '0');
  await refused('usage', /name sectors, or one list/, '--yes');
  const list = shop.put('list', Buffer.from('1\n2\nthree\n'));
  await refused('usage', /list: line 3: "three" is not a block number/, '--badblocks', list, '--yes');
  await refused('usage', /name sectors, or one list/, '3', '--badblocks', list, '--yes');
  const beyond = shop.put('beyond', Buffer.from('1\n1024\n'));
  const error = await refused('usage', /line 2: sector 2049 is beyond/, '--badblocks', beyond, '--yes');
  assert.is(error['line'], 2);
  await refused('usage', /line 1: sector 2048 is/, '--badblocks', beyond, '--offset', '2045', '--yes');
  await refused(
    'usage',
    /line 2: .*status line/,
    '--ddrescue',
    shop.put('map', Buffer.from('# c\n0 0 -\n')),
    '--yes',
  );
  await refused('usage', /"x" is no status/, '--ddrescue', list, '--statuses', '-x', '--yes');
  assert.is((await shop.run(['remap', set.spare, '--main', set.main, '1', '--dry-run'])).code, 0);
  assert.not.ok(existsSync(shop.state));
});

slow('a whole physical block goes, and that is said', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const set = start([[12, 100]]).onLoops('-b', '4096');
  const done = await set.remap('9');
  assert.equal([done['exit_code'], done['remapped'], done['widened']], [0, 7, 6]);
  assert.match(
    JSON.stringify(done['warnings']),
    /6 sectors more than named: .* fails in blocks of 4096 bytes/,
  );
  set.assertRemapped(run(8, 8));
});

slow('--offset moves a list: that of a partition, and that of the disk that main is a part of', async () => {
  const set = start();
  const list = shop.put('list', Buffer.from('1\n'));
  await set.remap('--badblocks', list, '--offset', '1000');
  set.assertRemapped([1002, 1003]);
  const log =
    'I/O error, dev sda, sector 5000\nI/O error, dev sda, sector 3001\nI/O error, dev sda, sector 10\n';
  const file = shop.put('log', Buffer.from(log));
  const done = await set.remap('--kernel-log', file, '--log-device', '/dev/sda', '--offset', '-3000');
  assert.equal(done['left_out'], [{ reason: 'sectors outside of main', count: 1 }]);
  set.assertRemapped([1, 1002, 1003, 2000]);
});

slow('a log that does not name the disk says which it names', async () => {
  const set = start();
  const log = shop.put('log', Buffer.from('I/O error, dev sda, sector 5000\n'));
  const line = ['remap', set.spare, '--main', set.main, '--kernel-log', log, '--log-device', 'sda1', '--yes'];
  await assertRefused(shop, line, 'usage', /no failed request of sda1.*\n?.*it names sda/, [set.spare]);
});

slow('a list that names nothing is told of, in JSON and on stderr', async () => {
  const set = start();
  const empty = shop.put('empty', Buffer.from(''));
  const flags = [
    ['--kernel-log', shop.put('quiet', Buffer.from('[1.0] sdb: sdb1 sdb2\n')), '--log-device', 'sdb'],
    ['--badblocks', empty],
    ['--ddrescue', shop.put('whole', Buffer.from('# c\n0 + 1\n0 0x1000 +\n'))],
    ['--smartctl', shop.put('smart', Buffer.from('SMART Error Log Version: 1\n'))],
  ];
  for (const list of flags) {
    const done = await set.remap(...list);
    assert.equal([done['exit_code'], done['remapped']], [0, 0], list.join(' '));
    assert.match(JSON.stringify(done['warnings']), /(quiet names no bad sector of sdb|names no bad sector)"/);
  }
  const line = ['remap', set.spare, '--main', set.main, '--badblocks', empty, '--yes'];
  const { code, stderr } = await shop.run(line);
  assert.is(code, 0);
  assert.match(stderr, /empty names no bad sector/);
});

slow('undo takes a remap back while main holds the same', async () => {
  const set = start([[5, 40]]);
  const before = hashOf(set.spare);
  await set.remap('7-9');
  assert.is((await shop.run(['undo', set.spare, '--main', set.main, '--yes'])).code, 0);
  assert.is(hashOf(set.spare), before);
});

function run(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** A set whose main fails to read these sectors. */
async function failing(
  bad: readonly [first: number, count: number],
): Promise<{ set: Remapped; disk: FailingDisk }> {
  needs('root', 'nbdkit', 'nbdfuse', '/dev/fuse');
  const made = start();
  const disk = await FailingDisk.start(shop, made.main, MAIN * SECTOR);
  const set = made.with({ main: disk.path });
  disk.set({ read: [bad[0] * SECTOR, (bad[0] + bad[1]) * SECTOR] });
  return { set, disk };
}

slow('what cannot be read is listed, written as a mapfile and left, or remapped as zeros', async () => {
  const { set } = await failing([805, 3]);
  const done = await set.remap('800-810');
  assert.equal([done['exit_code'], done['remapped'], done['lost']], [4, 8, [{ main_sector: 805, count: 3 }]]);
  set.assertRemapped([...run(800, 5), ...run(808, 3)]);
  const map = readFileSync(String(done['lost_map']), 'utf8').split('\n');
  assert.ok(map.includes('0x00064A00  0x00000600  -'), map.join('\n'));
  // the mapfile is a list again
  const zeros = await set.remap('--ddrescue', String(done['lost_map']), '--lost', 'zero');
  assert.equal([zeros['exit_code'], zeros['remapped'], zeros['entries']], [4, 3, 11]);
  set.assertRemapped(run(800, 11), new Set([805, 806, 807]));
  assert.is(u64(set.header, 'lost_remaps'), 3n);
  assert.is((await set.remap('800-810'))['exit_code'], 0, 'nothing is lost any more');
});

slow('a list that badblocks makes of a disk that truly fails', async () => {
  const { set } = await failing([803, 2]);
  needs('badblocks');
  for (const size of [512, 1024, 4096]) {
    const list = shop.put(`list-${size}`, Buffer.from(tool('badblocks', '-b', `${size}`, set.main)));
    assert.ok(readFileSync(list, 'utf8').trim() !== '');
    const done = await set.remap('--badblocks', list, '--block-size', `${size}`, '--lost', 'zero');
    assert.ok([0, 4].includes(Number(done['exit_code'])), JSON.stringify(done));
    const named = readFileSync(list, 'utf8')
      .trim()
      .split('\n')
      .flatMap((block) => run((Number(block) * size) / 512, size / 512));
    assert.ok(
      [803, 804].every((sector) => named.includes(sector)),
      `${size}: ${named}`,
    );
    for (const sector of named) assert.ok(set.remapped().has(sector), `${sector}`);
  }
});

slow('a mapfile that ddrescue makes of a disk that truly fails', async () => {
  const { set } = await failing([803, 2]);
  needs('ddrescue');
  const map = shop.path('map');
  tool('ddrescue', '-q', '-d', set.main, shop.path('copy'), map);
  const done = await set.remap('--ddrescue', map);
  assert.equal(done['lost'], [{ main_sector: 803, count: 2 }]);
  assert.equal((await set.remap('--ddrescue', map, '--lost', 'zero'))['remapped'], 2);
  set.assertRemapped([803, 804], new Set([803, 804]));
});

slow("the list that e2fsck makes of a file system's bad blocks", async () => {
  const { set } = await failing([1602, 1]);
  needs('mke2fs', 'e2fsck', 'dumpe2fs');
  tool('mke2fs', '-q', '-b', '1024', set.main);
  assert.ok((spawnSync('e2fsck', ['-c', '-y', set.main]).status ?? 8) < 4);
  const list = shop.put('list', Buffer.from(tool('dumpe2fs', '-b', set.main)));
  assert.ok(readFileSync(list, 'utf8').split('\n').includes('801'), readFileSync(list, 'utf8'));
  const done = await set.remap('--badblocks', list, '--lost', 'zero');
  assert.equal([done['exit_code'], set.remapped().has(1602)], [4, true]);
});
