import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Scratch } from '../device/scratch.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, skip, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { ask, run, sparse } from './owners.js';

/** Names of files, compared with what FIEMAP said of their places while the filesystem was mounted. */

const test = suite('lookup: files, against FIEMAP');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const MIB = 1 << 20;
const BLOCK = 4096;
/** XFS wants no less. */
const SIZE = 320 * MIB;

/** Makes a filesystem, fills it while it is mounted, and gives back what `fill` told. */
function filled<Told>(kind: 'ext4' | 'xfs' | 'btrfs', fill: (root: string) => Told, ...options: string[]) {
  needs('root', 'losetup', '/dev/loop-control', `mkfs.${kind}`, 'filefrag');
  if (!new RegExp(`\\b${kind}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8')))
    skip(`needs a kernel that mounts ${kind}`);
  const image = sparse(scratch, `${kind}.img`, SIZE);
  run(`mkfs.${kind}`, '-q', ...options, image);
  const loop = run('losetup', '--find', '--show', image).trim();
  const detach = scratch.atEnd(() => run('losetup', '-d', loop));
  const root = scratch.folderAt('mounted');
  const unmount = scratch.mount(loop, root);
  const told = fill(root);
  unmount();
  detach();
  return { image, told };
}

/**
 * The first and last block of each extent of a file, by FIEMAP: of the disk, but on btrfs of the filesystem. What XFS
 * holds ready behind the end of a file is given back when it is unmounted.
 */
function blocksOf(path: string): number[] {
  const last = Math.ceil(statSync(path).size / BLOCK) - 1;
  const extents = run('filefrag', '-s', '-v', path).matchAll(/^ +\d+: +(\d+)\.\. +(\d+): +(\d+)\.\. /gm);
  return [...extents].flatMap(([, from, to, at]) => {
    const length = Math.min(Number(to), last) - Number(from);
    return length < 0 ? [] : [Number(at), Number(at) + length];
  });
}

/** Written in pieces between which others are written, so that it lies in several places. */
function writeInPieces(paths: readonly string[], pieces: number): void {
  const random = new Random(7);
  for (let piece = 0; piece < pieces; piece++)
    for (const path of paths) {
      const file = openSync(path, 'a');
      writeSync(file, random.bytes(3 * BLOCK));
      fsyncSync(file);
      closeSync(file);
    }
}

function fillPlainly(root: string): Map<string, number[]> {
  mkdirSync(join(root, 'a folder/deep'), { recursive: true });
  writeInPieces([join(root, 'a folder/one'), join(root, 'a folder/deep/two')], 12);
  writeFileSync(join(root, 'large'), new Random(9).bytes(5 * MIB));
  linkSync(join(root, 'large'), join(root, 'a folder/linked'));
  run('sync', '-f', root);
  return new Map(
    ['/a folder/one', '/a folder/deep/two', '/large'].map((path) => [path, blocksOf(join(root, path))]),
  );
}

/** The paths that are told of blocks of the disk; of their first and their last sector the same ones. */
async function pathsAt(image: string, blocks: Iterable<number>): Promise<Map<number, string[]>> {
  const [first, last] = [0, BLOCK / SECTOR - 1];
  const sectors = [...blocks].flatMap((block) => [first, last].map((at) => (block * BLOCK) / SECTOR + at));
  const { told } = await ask(scratch, image, sectors);
  const paths = new Map<number, string[]>();
  for (const { sector, owner } of told) {
    const block = Math.floor((sector * SECTOR) / BLOCK);
    const sorted = [...owner.paths].sort();
    assert.equal(sorted, paths.get(block) ?? sorted);
    paths.set(block, sorted);
  }
  return paths;
}

for (const kind of ['ext4', 'xfs'] as const)
  test(`${kind}: the places that FIEMAP names`, async () => {
    needs(kind === 'xfs' ? 'xfs_db' : 'debugfs');
    const { image, told } = filled(kind, fillPlainly, ...(kind === 'ext4' ? ['-b', `${BLOCK}`] : []));
    const paths = await pathsAt(image, [...told.values()].flat());
    for (const [path, blocks] of told) {
      assert.ok(blocks.length > 0, path);
      const linked = path === '/large' ? ['/a folder/linked', '/large'] : [path];
      for (const block of blocks) {
        const said = paths.get(block) ?? [];
        // xfs_db knows one name of a file
        if (kind === 'xfs')
          assert.ok(said.length === 1 && linked.includes(said[0] ?? ''), `${path}: ${said} at ${block}`);
        else assert.equal(said, linked);
      }
    }
  });

/** Where a block of the filesystem lies on the disk, in both copies where there are two. */
function placesOnDisk(image: string, block: number): number[] {
  const chunks = run('btrfs', 'inspect-internal', 'dump-tree', '-t', 'chunk', image)
    .split('CHUNK_ITEM ')
    .slice(1);
  return chunks.flatMap((chunk) => {
    const [, start, length] = /^(\d+)\).*\n\t\tlength (\d+) /.exec(chunk)?.map(Number) ?? [];
    const into = block * BLOCK - (start ?? 0);
    const isIn = into >= 0 && into < (length ?? 0);
    const stripes = isIn ? chunk.matchAll(/stripe \d+ devid 1 offset (\d+)/g) : [];
    return [...stripes].map(([, at]) => (Number(at) + into) / BLOCK);
  });
}

test('btrfs: files of subvolumes and snapshots, clones, compressed data, several names', async () => {
  needs('btrfs', 'cp');
  for (const [nodeSize, profile] of [
    ['4096', 'single'],
    ['16384', 'dup'],
  ] as const) {
    const fill = (root: string) => {
      const at = (path: string) => join(root, path);
      const plain = fillPlainly(root);
      run('btrfs', 'subvolume', 'create', at('sub'));
      run('btrfs', 'subvolume', 'create', at('a folder/inner'));
      for (let index = 0; index < 600; index++)
        writeFileSync(at(`sub/${index % 7}-${index}`), new Random(index).bytes(2 * BLOCK));
      writeFileSync(at('a folder/inner/line\nleaf 5 items 3\x01\\'), new Random(3).bytes(9 * BLOCK));
      run('sync', '-f', root);
      run('btrfs', 'subvolume', 'snapshot', at('sub'), at('a folder/inner/snap'));
      run('cp', '--reflink=always', at('sub/1-1'), at('sub/clone'));
      // in the snapshot it stays
      writeFileSync(at('sub/2-2'), new Random(5).bytes(2 * BLOCK));
      writeFileSync(at('pressed'), '');
      run('btrfs', 'property', 'set', at('pressed'), 'compression', 'zstd');
      writeFileSync(at('pressed'), 'again and again '.repeat(60_000));
      run('sync', '-f', root);
      const blocks = (path: string) => blocksOf(at(path));
      const first = (path: string) => blocks(path).slice(0, 1);
      return new Map<readonly string[], number[]>([
        [['/a folder/one'], plain.get('/a folder/one') ?? []],
        [['/a folder/deep/two'], plain.get('/a folder/deep/two') ?? []],
        [['/a folder/linked', '/large'], plain.get('/large') ?? []],
        [['/a folder/inner/line\nleaf 5 items 3\x01\\'], blocks('a folder/inner/line\nleaf 5 items 3\x01\\')],
        [['/a folder/inner/snap/1-1', '/sub/1-1', '/sub/clone'], blocks('sub/1-1')],
        [['/a folder/inner/snap/3-360', '/sub/3-360'], blocks('sub/3-360')],
        [['/a folder/inner/snap/2-2'], blocks('a folder/inner/snap/2-2')],
        [['/sub/2-2'], blocks('sub/2-2')],
        [['/pressed'], first('pressed')],
      ]);
    };
    const { image, told } = filled('btrfs', fill, '-n', nodeSize, '-d', profile, '-m', profile);
    const places = new Map(
      [...told].map(([paths, blocks]) => [paths, blocks.flatMap((block) => placesOnDisk(image, block))]),
    );
    const said = await pathsAt(image, [...places.values()].flat());
    for (const [paths, blocks] of places) {
      assert.ok(blocks.length > 0, paths[0]);
      for (const block of blocks) assert.equal(said.get(block), paths);
    }
    scratch.cleanUp();
    scratch = new Scratch();
  }
});

test('btrfs: what is left of an extent, what is free, and what is the filesystem’s own', async () => {
  needs('btrfs');
  const { image, told: blocks } = filled('btrfs', (root) => {
    const file = join(root, 'file');
    writeFileSync(file, new Random(1).bytes(MIB));
    run('sync', '-f', root);
    const [first = 0] = blocksOf(file);
    run('dd', 'if=/dev/zero', `of=${file}`, `bs=${BLOCK}`, 'seek=10', 'count=5', 'conv=notrunc,fsync');
    run('dd', 'if=/dev/zero', `of=${join(root, 'gone')}`, 'bs=1M', 'count=1', 'conv=fsync');
    const [gone = 0] = blocksOf(join(root, 'gone'));
    run('rm', join(root, 'gone'));
    run('sync', '-f', root);
    return { first, gone };
  });
  const sectorOf = (block: number) => ((placesOnDisk(image, block)[0] ?? 0) * BLOCK) / SECTOR;
  const [, root] = /^root\t+(\d+)$/m.exec(run('btrfs', 'inspect-internal', 'dump-super', image)) ?? [];
  const [whole = 0, tree] = [blocks.first, Number(root) / BLOCK].map(sectorOf);
  const asked = [
    ...[9, 12, blocks.gone - blocks.first].map((at) => whole + (at * BLOCK) / SECTOR),
    tree ?? 0,
  ];
  const last = SIZE / SECTOR - 8;
  const { told } = await ask(scratch, image, [...asked, 128, last]);
  const notes = new Map(told.map(({ sector, owner }) => [sector, owner.note ?? owner.paths.join()]));
  assert.equal(
    [...asked, 128, last].map((sector) => notes.get(sector)),
    [
      '/file',
      'no file: left of an extent that was overwritten in part',
      'free',
      'of the filesystem itself: tree ROOT_TREE',
      'of the filesystem itself: superblock',
      'free',
    ],
  );
  // of what a node would have to tell that is damaged nothing is said, free places least of all
  const disk = readFileSync(image);
  for (const block of placesOnDisk(image, Number(root) / BLOCK))
    disk.fill(0xaa, block * BLOCK, (block + 1) * BLOCK);
  writeFileSync(image, disk);
  const damaged = (await ask(scratch, image, asked)).told;
  assert.ok(damaged.every(({ owner }) => owner.inode === null && !/free|^no file/.test(owner.note ?? '')));
});
