import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lookup } from '../../src/operations/lookup.js';
import { fails, Scratch } from '../device/scratch.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { savedSpare, unchanged } from './images.js';

/** Files on real filesystems, and the blocks that the filesystems say are theirs, asked in the other direction. */

const test = suite('lookup: files');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MIB = 1 << 20;

function run(program: string, ...args: string[]): string {
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LC_ALL: 'C' };
  return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
}

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

function sparse(name: string, size: number): string {
  writeFileSync(scratch.path(name), '');
  truncateSync(scratch.path(name), size);
  return scratch.path(name);
}

function ext4(name: string, blockSize: number): string {
  const image = sparse(name, 64 * MIB);
  run('mkfs.ext4', '-q', '-b', String(blockSize), '-d', content(), image);
  return image;
}

/** Sectors that debugfs calls a file's, first of each block. */
function extSectors(image: string, path: string, blockSize: number): number[] {
  const blocks = run('debugfs', '-R', `blocks "${path}"`, image).trim().split(/\s+/).map(Number);
  return blocks.map((block) => (block * blockSize) / SECTOR);
}

/** The owners that are told of these sectors, which are remapped, as are many others. */
async function ask(main: string, sectors: readonly number[], offset = 0) {
  const asked = [...new Set(sectors.map((sector) => sector + offset))].sort((a, b) => a - b);
  const entries = asked.map((sector, index): Entry => [sector, 300 + index]);
  const mainSectors = statSync(main).size / SECTOR;
  const spare = savedSpare(scratch, 'spare.img', {
    layout: 'redundant',
    sectors: 8192,
    mainSectors,
    entries,
  });
  const same = unchanged(main);
  const ranges = asked.map((first) => ({ first, count: 1 }));
  const { owners } = await lookup(spare, ranges as never, { files: { main } });
  assert.ok(same(), 'main was written to');
  const told = (owners?.runs ?? []).flatMap(({ main_sector, count, ...rest }) =>
    Array.from({ length: count }, (_, index) => ({ sector: main_sector + index - offset, ...rest })),
  );
  assert.equal(
    told.map(({ sector }) => sector + offset),
    asked,
  );
  return { told, warnings: owners?.warnings ?? [] };
}

async function namesOf(main: string, sectors: readonly number[], offset = 0) {
  const { told } = await ask(main, sectors, offset);
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
  const { told, warnings } = await ask(image, [2, journal, last]);
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

test('a partition in an image, and what lies in none', async () => {
  needs('mkfs.ext4', 'debugfs', 'sfdisk', 'dd');
  const START = 4096;
  for (const label of ['gpt', 'dos']) {
    const image = ext4(`${label}-part.img`, 4096);
    const disk = sparse(`${label}.img`, 80 * MIB);
    execFileSync('/usr/sbin/sfdisk', ['-q', disk], {
      input: `label: ${label}\nstart=${START},size=${(64 * MIB) / SECTOR}\n`,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    run('dd', `if=${image}`, `of=${disk}`, 'bs=512', `seek=${START}`, 'conv=notrunc');
    const large = extSectors(image, '/deep/er/large', 4096);
    assert.equal([...(await namesOf(disk, large, START))], ['["/deep/er/large"]']);
    const { told } = await ask(disk, [100]);
    assert.equal(
      told.map(({ filesystem, owner: { note } }) => [filesystem, note]),
      [[null, 'no filesystem that is known']],
    );
  }
});

test('xfs: in all allocation groups', async () => {
  needs('mkfs.xfs', 'xfs_db');
  const large = join(content(), 'deep/er/large');
  const folders = Array.from(
    { length: 8 },
    (_, index) => `d${index} d--755 0 0\nfile ---644 0 0 ${large}\n$`,
  );
  const image = sparse('xfs.img', 320 * MIB);
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
  const { told } = await ask(image, [0]);
  assert.equal(
    told.map(({ owner: { note } }) => note),
    ['of the filesystem itself: sb'],
  );
});

test('btrfs is named, and not asked', async () => {
  needs('mkfs.btrfs');
  const image = sparse('btrfs.img', 128 * MIB);
  run('mkfs.btrfs', '-q', '-r', content(), image);
  const { told } = await ask(image, [26_624]);
  assert.equal(
    told.map(({ filesystem, owner: { inode, note } }) => [filesystem, inode, note?.slice(0, 9)]),
    [['btrfs', null, 'not asked']],
  );
});

test('a main in use is not asked', async () => {
  needs('root', 'losetup', '/dev/loop-control', 'mkfs.ext4');
  const image = ext4('ext4.img', 4096);
  const loop = scratch.loop(image);
  await fails('busy', ask(image, [2]), /attached to/);
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
  const main = sparse('main.img', 16 * MIB);
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
