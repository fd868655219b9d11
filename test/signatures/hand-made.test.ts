import { join } from 'node:path';
import { blkidProbe } from '../../src/device/blkid.js';
import { BLOCK_SIZE } from '../../src/units.js';
import { assert, needs, suite } from '../support/harness.js';
import { bcachefs, md1, md090, type Piece, structure, zfs } from './hand-made.js';
import {
  eraseAll,
  ids,
  MIB,
  newImage,
  probeFile,
  SparseDevice,
  tool,
  withLoop,
  workFolder,
  writePieces,
} from './support.js';

/** Kinds whose tools are not to be had everywhere, built by hand and judged by the tools that can read them. */

const test = suite('signatures made by hand');
const folder = workFolder();
// Odd on purpose: the places near the end are rounded, each kind in its own way.
const SIZE = 96 * MIB + 200 * 1024 + 512;

async function foundAndErased(pieces: readonly Piece[], expected: readonly string[], blkid?: string) {
  const image = newImage(join(folder, 'image'), SIZE);
  await writePieces(image, pieces);
  const found = await probeFile(image);
  assert.equal(ids(found), expected);
  if (blkid !== undefined)
    assert.equal(
      (await blkidProbe(image))?.map(({ type }) => type),
      [blkid],
    );
  await eraseAll(
    image,
    found.flatMap(({ erase }) => erase),
  );
  assert.equal(await probeFile(image), []);
  if (blkid !== undefined) assert.is(await blkidProbe(image), undefined);
  return found;
}

const md = [
  { id: 'md-0.90', piece: md090(SIZE, true), version: '0.90.00' },
  { id: 'md-1.0', piece: md1(Math.floor(SIZE / BLOCK_SIZE) * BLOCK_SIZE - 8192, 0), version: '1.0' },
  { id: 'md-1.1', piece: md1(0, 2048), version: '1.1' },
  { id: 'md-1.2', piece: md1(4096, 2048), version: '1.2' },
];

for (const { id, piece, version } of md) {
  test(id, async () => {
    needs('blkid', 'mdadm', 'losetup', 'root');
    const image = newImage(join(folder, 'image'), SIZE);
    await writePieces(image, [piece]);
    // The tool that owns the format takes what was built here for sound, checksum included.
    const examined = withLoop(image, (device) => tool('mdadm', ['--examine', device]));
    assert.match(examined, new RegExp(`Version : ${version.replaceAll('.', '\\.')}`));
    assert.match(examined, /Checksum : \S+ - correct/);
    const [found] = await foundAndErased([piece], [id], 'linux_raid_member');
    assert.is(found?.at, piece.at);
  });
}

test('md-0.90 of a big-endian machine', async () => {
  needs('blkid');
  await foundAndErased([md090(SIZE, false)], ['md-0.90'], 'linux_raid_member');
});

test('md 1.x that names another place is left over from elsewhere', async () => {
  const moved = { ...md1(4096, 2048), at: 0 };
  assert.equal(await new SparseDevice(SIZE).put(moved.at, moved.content).probe(), []);
});

test('a second LUKS2 header that names another offset belongs to a volume further in', async () => {
  const header = (offset: number) =>
    structure(
      512,
      [
        [0, Uint8Array.from([0x53, 0x4b, 0x55, 0x4c, 0xba, 0xbe])],
        [6, 2, 2],
        [256, BigInt(offset)],
      ],
      false,
    );
  for (const offset of [0x4000, 0x400000]) {
    assert.equal(ids(await new SparseDevice(SIZE).put(offset, header(offset)).probe()), ['luks2-second']);
    assert.equal(await new SparseDevice(SIZE).put(offset, header(0x8000)).probe(), []);
  }
});

for (const little of [true, false]) {
  for (const slot of [1024, 4096, 8192]) {
    test(`ZFS, ${little ? 'little' : 'big'}-endian, slots of ${slot}`, async () => {
      needs('blkid');
      const uberblocks = (128 * 1024) / slot;
      const pieces = zfs(SIZE, { little, slot, uberblocks, list: true });
      const found = await foundAndErased(pieces, Array(4).fill(['zfs-list', 'zfs']).flat(), 'zfs_member');
      assert.equal([...new Set(found.map(({ name }) => name))], ['ZFS pool member']);
      for (const { id, erase } of found) assert.is(erase.length, id === 'zfs' ? uberblocks : 1);
    });
  }
}

test('ZFS by its lists alone, by its uberblocks alone, by one of them', async () => {
  const options = { little: true, slot: 4096 };
  await foundAndErased(zfs(SIZE, { ...options, uberblocks: 0, list: true }), Array(4).fill('zfs-list'));
  await foundAndErased(zfs(SIZE, { ...options, uberblocks: 5, list: false }), Array(4).fill('zfs'));
  const last = zfs(SIZE, { ...options, uberblocks: 32, list: false }).slice(-1);
  const [found] = await foundAndErased(last, ['zfs']);
  assert.is(found?.at, last[0]?.at);
});

for (const old of [false, true]) {
  test(`bcachefs${old ? ' with the magic of bcache' : ''}`, async () => {
    const expected = ['bcachefs-layout', 'bcachefs', 'bcachefs-copy', 'bcachefs-copy'];
    const found = await foundAndErased(bcachefs(SIZE, old), expected);
    assert.equal(
      found.map(({ at }) => at),
      [3584, 4096 + 24, 4096 + MIB + 24, 95 * MIB + 128 * 1024 + 24],
    );
  });
}

test('the backup GPT alone, for both sector sizes', async () => {
  const header = Uint8Array.from([...Buffer.from('EFI PART'), 0, 0, 1, 0, 92, 0, 0, 0]);
  const size = 7 * MIB;
  for (const at of [size - 512, size - 4096]) {
    const [found, ...more] = await new SparseDevice(size).put(at, header).probe();
    assert.equal(more, []);
    assert.is(found?.id, 'gpt-backup');
    assert.equal(found?.erase, [{ at, length: 512 }]);
  }
});

test('hibernated systems in swap space', async () => {
  const texts = [
    'S1SUSPEND\0',
    'S2SUSPEND\0',
    'ULSUSPEND\0',
    'LINHIB0001',
    '\xed\xc3\x02\xe9\x98\x56\xe5\x0c',
  ];
  for (const text of texts) {
    const device = new SparseDevice(MIB).put(4086, Buffer.from(text, 'latin1'));
    assert.equal(
      (await device.probe()).map(({ name }) => name),
      ['swap space holding a hibernated system'],
    );
  }
});
