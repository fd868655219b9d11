import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from '../../src/operations/lookup.js';
import { fails, Scratch } from '../device/scratch.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { savedSpare } from './images.js';
import { ask, run, sparse } from './owners.js';

/** Files on real filesystems, and the blocks that the filesystems say are theirs, asked in the other direction. */

const test = suite('lookup: files');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MIB = 1 << 20;

/** A folder with a large file, one with two names, and one whose name is no plain word. */
function content(): string {
  const folder = scratch.folderAt('content/deep/er').replace(/\/deep\/er$/, '');
  if (existsSync(join(folder, 'other'))) return folder;
  const random = new Random(1);
  writeFileSync(join(folder, 'deep/er/large'), random.bytes(200_000));
  writeFileSync(join(folder, 'deep/two names'), random.bytes(9000));
  linkSync(join(folder, 'deep/two names'), join(folder, 'other'));
  writeFileSync(join(folder, 'line\nfeed'), random.bytes(9000));
  mkdirSync(join(folder, 'empty'));
  return folder;
}

function ext4(name: string, blockSize: number): string {
  const image = sparse(scratch, name, 64 * MIB);
  run('mkfs.ext4', '-q', '-b', String(blockSize), '-d', content(), image);
  return image;
}

/** Sectors that debugfs calls a file's, first of each block. */
function extSectors(image: string, path: string, blockSize: number): number[] {
  const blocks = run('debugfs', '-R', `blocks "${path}"`, image).trim().split(/\s+/).map(Number);
  return blocks.map((block) => (block * blockSize) / SECTOR);
}

async function namesOf(main: string, sectors: readonly number[], offset = 0) {
  const { told } = await ask(scratch, main, sectors, offset);
  return new Set(told.map(({ owner }) => JSON.stringify([...owner.paths].sort())));
}

test('ext4: every block of a file is the file’s, under all of its names', async () => {
  needs('mkfs.ext4', 'debugfs');
  for (const blockSize of [1024, 4096]) {
    const image = ext4(`${blockSize}.img`, blockSize);
    const large = extSectors(image, '/deep/er/large', blockSize);
    assert.ok(large.length >= 200_000 / blockSize);
    const ends = large.flatMap((sector) => [sector, sector + blockSize / SECTOR - 1]);
    assert.equal([...(await namesOf(image, ends))], ['["/deep/er/large"]']);
    const two = extSectors(image, '/other', blockSize);
    assert.equal([...(await namesOf(image, two))], ['["/deep/two names","/other"]']);
    const folder = extSectors(image, '/deep/er', blockSize);
    assert.equal([...(await namesOf(image, folder))], ['["/deep/er"]']);
  }
});

test('ext4: a name with a line feed, the journal, what is free or the filesystem itself', async () => {
  needs('mkfs.ext4', 'debugfs');
  const image = ext4('ext4.img', 4096);
  const inode = /(\d+)\s.*line/.exec(run('debugfs', '-R', 'ls -l /', image))?.[1];
  const fed = extSectors(image, `<${inode}>`, 4096);
  assert.equal([...(await namesOf(image, fed))], [JSON.stringify(['/line\nfeed'])]);
  const [journal = 0] = extSectors(image, '<8>', 4096);
  const last = statSync(image).size / SECTOR - 1;
  const { told, warnings } = await ask(scratch, image, [2, journal, last]);
  assert.equal(
    told.map(({ owner: { inode, note } }) => [inode, note]),
    [
      [null, 'no file: free, or of the filesystem itself'],
      ...(journal < last
        ? [
            [8, 'the journal'],
            [null, 'no file: free, or of the filesystem itself'],
          ]
        : []),
    ],
  );
  assert.ok(warnings.some((warning) => /without what is remapped/.test(warning)));
});

const START = 4096;

/** A disk with one partition, which holds what an image holds. */
function partitioned(name: string, label: string, image: string): string {
  const { size } = statSync(image);
  const disk = sparse(scratch, name, size + 16 * MIB);
  execFileSync('/usr/sbin/sfdisk', ['-q', disk], {
    input: `label: ${label}\nstart=${START},size=${size / SECTOR}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  run(
    'dd',
    `if=${image}`,
    `of=${disk}`,
    'bs=1M',
    'oflag=seek_bytes',
    `seek=${START * SECTOR}`,
    'conv=notrunc,sparse',
  );
  return disk;
}

test('a partition in an image, and what lies in none', async () => {
  needs('mkfs.ext4', 'debugfs', 'sfdisk', 'dd');
  for (const label of ['gpt', 'dos']) {
    const image = ext4(`${label}-part.img`, 4096);
    const disk = partitioned(`${label}.img`, label, image);
    const large = extSectors(image, '/deep/er/large', 4096);
    assert.equal([...(await namesOf(disk, large, START))], ['["/deep/er/large"]']);
    const { told } = await ask(scratch, disk, [100]);
    assert.equal(
      told.map(({ filesystem, owner: { note } }) => [filesystem, note]),
      [[null, 'no filesystem that is known']],
    );
  }
});

test('btrfs in a partition of an image is not asked, and a way is named', async () => {
  needs('mkfs.btrfs', 'sfdisk', 'dd');
  const image = sparse(scratch, 'btrfs.img', 128 * MIB);
  run('mkfs.btrfs', '-q', '-r', content(), image);
  const disk = partitioned('disk.img', 'gpt', image);
  const [told] = (await ask(scratch, disk, [START + 26_624])).told;
  assert.is(told?.filesystem, 'btrfs');
  assert.match(told?.owner.note ?? '', /^not asked.*: losetup --read-only --find --show --partscan \/\S+$/);
});

test('xfs: in all allocation groups', async () => {
  needs('mkfs.xfs', 'xfs_db');
  const large = join(content(), 'deep/er/large');
  const folders = Array.from(
    { length: 8 },
    (_, index) => `d${index} d--755 0 0\nfile ---644 0 0 ${large}\n$`,
  );
  const image = sparse(scratch, 'xfs.img', 320 * MIB);
  writeFileSync(scratch.path('proto'), `/\n0 0\nd--755 0 0\n${folders.join('\n')}\n$\n`);
  run('mkfs.xfs', '-q', '-p', scratch.path('proto'), image);
  const [, groupBlocks] =
    /agblocks = (\d+)/.exec(run('xfs_db', '-r', '-c', 'sb 0', '-c', 'p agblocks', image)) ?? [];
  const groups = new Set<string | undefined>();
  for (const index of folders.keys()) {
    const map = run('xfs_db', '-r', '-c', `path /d${index}/file`, '-c', 'bmap', image);
    const [, group, block, count] = /startblock \d+ \((\d+)\/(\d+)\) count (\d+)/.exec(map) ?? [];
    groups.add(group);
    const first = (Number(group) * Number(groupBlocks) + Number(block)) * 8;
    const ends = [first, first + 1, first + 8 * Number(count) - 1];
    assert.equal([...(await namesOf(image, ends))], [`["/d${index}/file"]`]);
  }
  assert.ok(groups.size > 1, 'one group only');
  const { told } = await ask(scratch, image, [0]);
  assert.equal(
    told.map(({ owner: { note } }) => note),
    ['of the filesystem itself: sb'],
  );
});

test('a main in use is not asked', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.ext4');
  const image = ext4('ext4.img', 4096);
  const loop = scratch.loop(image);
  await fails('busy', ask(scratch, image, [2]), /attached to/);
  const entries: readonly Entry[] = [[2, 300]];
  const spec = { layout: 'redundant', sectors: 2048, mainSectors: (64 * MIB) / SECTOR, entries } as const;
  const spare = savedSpare(scratch, 'other.img', spec);
  const point = scratch.folderAt('point');
  const unmount = scratch.mount('-o', 'ro', loop, point);
  const asked = () => lookup(spare, [{ first: 2, count: 1 }] as never, { files: { main: loop } });
  await fails('busy', asked(), /mounted on/);
  unmount();
  assert.is((await asked()).owners?.runs[0]?.filesystem, 'ext4');
});

test('sectors that are not remapped, and sectors without end, are not asked about', async () => {
  const main = sparse(scratch, 'main.img', 16 * MIB);
  const entries = Array.from({ length: 9000 }, (_, index): Entry => [index, 300 + index]);
  const spec = { layout: 'redundant', sectors: 20_000, maxEntries: 9000, mainSectors: 32_768 } as const;
  const few = savedSpare(scratch, 'few.img', { ...spec, entries: entries.slice(5, 7) });
  const { owners } = await lookup(few, [{ first: 0, count: 6 }] as never, { files: { main } });
  assert.equal(
    owners?.runs.map(({ main_sector, count }) => [main_sector, count]),
    [[5, 1]],
  );
  const many = savedSpare(scratch, 'many.img', {
    ...spec,
    entries: entries.map(([from, to]) => [from, Number(to) + 100]),
  });
  await fails('usage', lookup(many, [{ first: 0, count: 9000 }] as never, { files: { main } }), /too many/);
});
