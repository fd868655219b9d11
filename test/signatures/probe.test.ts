import { signaturesWithin } from '../../src/signatures/probe.js';
import { isPowerOfTwo } from '../../src/signatures/signature.js';
import { signatureTable } from '../../src/signatures/table.js';
import { bytes } from '../../src/units.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import { structure } from './hand-made.js';
import { deviceOf, ids, MIB, SparseDevice } from './support.js';

/** How the probe reads, what it does where it cannot, and what it says of our own metadata. */

const test = suite('signature probe');
const TIB = 2 ** 40;

const ext2 = structure(1024, [
  [0, 1000],
  [4, 4000],
  [56, 0xef53, 2],
]);
const luks1 = structure(8, [
  [0, 'LUKS'],
  [4, 0xba, 1],
  [5, 0xbe, 1],
  [7, 1, 1],
]);
const md12 = structure(152, [
  [0, 0xa92b4efc],
  [4, 1],
  [144, 8n],
]);

function total(device: SparseDevice): number {
  return device.reads.reduce((sum, { length }) => sum + length, 0);
}

test('reads little, in few requests that any device takes', async () => {
  for (const size of [16 * TIB, 2 * TIB, 100 * MIB, 5 * MIB + 512, 4096]) {
    const device = new SparseDevice(size);
    await device.probe();
    assert.ok(device.reads.length <= 40, `${device.reads.length} requests`);
    assert.ok(total(device) <= 720 * 1024, `${total(device)} bytes of ${size}`);
    for (const { at, length } of device.reads) {
      assert.ok(length <= 65536);
      assert.is(at % 4096, 0);
      assert.ok(length % 4096 === 0 || at + length === size);
    }
  }
});

test('within a range, only what can matter is read', async () => {
  const device = new SparseDevice(TIB).put(1024, ext2).put(0, luks1).put(4096, md12);
  const from = bytes(0);
  assert.equal(ids(await device.probe({ within: { from, to: bytes(4096) } })), ['luks1', 'ext2']);
  assert.equal(device.reads, [{ at: 0, length: 4096 }]);

  device.reads.length = 0;
  const backup = { from: bytes(TIB - 20480), to: bytes(TIB) };
  assert.equal(await device.probe({ within: backup }), []);
  assert.ok(device.reads.every(({ at }) => at >= TIB - 20480));
  assert.ok(total(device) <= 20480);

  device.reads.length = 0;
  assert.equal(await device.probe({ within: { from: bytes(8 * MIB), to: bytes(9 * MIB) } }), []);
  assert.equal(device.reads, []);
});

test('a magic counts only if it lies entirely within', async () => {
  const device = new SparseDevice(MIB).put(1024, ext2);
  const magic = 1024 + 56;
  for (const [from, to, expected] of [
    [magic, magic + 2, 1],
    [magic + 1, 4096, 0],
    [0, magic + 1, 0],
  ] as const) {
    const within = { from: bytes(from), to: bytes(to) };
    assert.is((await device.probe({ within })).length, expected);
    assert.is(signaturesWithin(await device.probe(), within.from, within.to).length, expected);
  }
});

test('a find says where it lies and what erases it', async () => {
  const [found] = await new SparseDevice(MIB).put(1024, ext2).probe();
  assert.equal(found, {
    id: 'ext2',
    name: 'ext2 filesystem',
    ours: false,
    at: 1080,
    length: 2,
    erase: [{ at: 1024, length: 512 }],
  });
});

test('the labels of several sectors are one find', async () => {
  const label = (sector: number) =>
    structure(32, [
      [0, 'LABELONE'],
      [8, BigInt(sector)],
      [24, 'LVM2 001'],
    ]);
  const device = new SparseDevice(MIB).put(512, label(1)).put(1536, label(3)).put(1024, label(1));
  const [found, ...more] = await device.probe();
  assert.equal(more, []);
  assert.is(found?.id, 'lvm2');
  // What sector 2 holds names another sector: it is no label.
  assert.equal(found?.erase, [
    { at: 512, length: 512 },
    { at: 1536, length: 512 },
  ]);
});

test('around a bad block the rest is still seen', async () => {
  const device = new SparseDevice(TIB).put(0, luks1).put(1024, ext2).put(4096, md12);
  device.unreadable.push({ at: 8192, length: 512 });
  assert.equal(ids(await device.probe()), ['luks1', 'ext2', 'md-1.2']);
  device.unreadable.push({ at: 0, length: 512 });
  assert.equal(ids(await device.probe()), ['md-1.2']);
});

test('a dead disk is given up soon', async () => {
  const device = new SparseDevice(TIB).put(1024, ext2);
  device.unreadable.push({ at: 0, length: TIB });
  assert.equal(await device.probe(), []);
  assert.ok(device.reads.length <= 60, `${device.reads.length} requests`);
});

test('our own headers are told from foreign content', async () => {
  const header = (copy: number) =>
    structure(512, [
      [0, 'DMREMAP3'],
      [148, copy],
    ]);
  const size = 5 * MIB + 512;
  const backupAt = 5 * MIB - 4096;
  const device = new SparseDevice(size).put(0, header(0)).put(backupAt, header(1)).put(1024, ext2);
  const found = await device.probe();
  assert.equal(
    found.map(({ id, ours, at }) => [id, ours, at]),
    [
      ['dmremap3', true, 0],
      ['ext2', false, 1080],
      ['dmremap3-backup', true, backupAt],
    ],
  );
  // A data sector may hold the first sector of another set.
  assert.equal(await new SparseDevice(size).put(backupAt, header(0)).probe(), []);
  assert.equal(ids(await deviceOf(new Uint8Array(4096)).put(0, header(1)).probe()), ['dmremap3']);
});

test('the golden images hold our metadata and nothing else', async () => {
  const names = fixtureNames().filter((name) => !name.startsWith('module/'));
  assert.ok(names.length > 20);
  for (const name of names) {
    const content = fixture(name);
    const found = await deviceOf(content).probe();
    const foreign = found.filter(({ ours }) => !ours).map((one) => one.name);
    assert.equal(foreign, name === 'foreign-front' ? ['ext2 filesystem'] : [], name);

    const whole = content.length - (content.length % 4096);
    const begins = (at: number) => content.toString('latin1', at, at + 8) === 'DMREMAP3';
    const expected = [
      ...(begins(0) ? ['dmremap3'] : []),
      ...(whole > 0 && begins(whole - 4096) ? ['dmremap3-backup'] : []),
    ];
    assert.equal(ids(found.filter(({ ours }) => ours)), expected, name);
  }
});

test('so do the images of the kernel module', async () => {
  for (const name of fixtureNames().filter((one) => one.startsWith('module/'))) {
    const spare = name.endsWith('.spare') && name !== 'module/v3-nomagic.spare';
    assert.equal(ids(await deviceOf(fixture(name)).probe()), spare ? ['dmremap3'] : [], name);
  }
});

test('the table is in order', () => {
  assert.is(new Set(signatureTable.map(({ id }) => id)).size, signatureTable.length);
  for (const { id, magics, places, ring, plausible } of signatureTable) {
    assert.is(new Set(magics.map(({ length }) => length)).size, 1, id);
    assert.ok(places.length > 0, id);
    for (const place of places) assert.ok('at' in place || isPowerOfTwo(place.align), id);
    assert.ok(ring === undefined || ring.step % 512 === 0, id);
    // Shorter than this, a magic meets its like in ordinary data.
    assert.ok(plausible !== undefined || magics[0].length >= 8, id);
  }
});
