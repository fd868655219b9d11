import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { isValid } from '../../src/store/copy.js';
import { type LoadedCopies, loadCopies, readTable } from '../../src/store/load.js';
import { buildImage, type Entry, endPlace, type ImageSpec, patch, seal } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';

/** Every place where a copy may lie is read, and each copy is judged by itself. */

const test = suite('loadCopies');

const ENTRIES: readonly Entry[] = [
  [7, 100],
  [3, 101],
  [2 ** 33, 60],
];
const SPEC: ImageSpec = { layout: 'redundant', sectors: 1024, mainSectors: 2 ** 34, entries: ENTRIES };

function load(image: Buffer, logicalBlockSize = 512): Promise<LoadedCopies> {
  return loadCopies(new MemoryDevice(image, { logicalBlockSize }));
}

/** name, place, byte of the header, faults: of each place that was read. */
function places({ primary, backups }: LoadedCopies): string[] {
  return [primary, ...backups].map(
    ({ name, place, headerAt, faults }) => `${name} ${place} ${headerAt} ${faults.join('+') || 'valid'}`,
  );
}

const END = 1024 * 512 - 4096;

for (const logicalBlockSize of [512, 4096])
  test(`a whole set, blocks of ${logicalBlockSize}`, async () => {
    const image = buildImage(SPEC);
    const loaded = await load(image, logicalBlockSize);
    assert.equal(places(loaded), ['primary front 0 valid', `backup end ${END} valid`]);
    for (const copy of [loaded.primary, ...loaded.backups]) {
      const device = new MemoryDevice(image, { logicalBlockSize });
      const table = await readTable(device, copy);
      const entries = Array.from({ length: table.count }, (_, index) => [
        table.mainSector(index),
        table.spareSector(index),
      ]);
      assert.equal(entries, ENTRIES);
      assert.is(copy.computed, copy.header.checksum);
      assert.ok(loaded.sameTable(loaded.primary, copy));
    }
  });

test('a plain set: its one copy, and the end that holds none', async () => {
  for (const logicalBlockSize of [512, 4096]) {
    const loaded = await load(buildImage({ ...SPEC, layout: 'plain' }), logicalBlockSize);
    assert.equal(places(loaded), [
      'primary front 0 valid',
      `backup end ${END} magic+version+copy-field+checksum`,
    ]);
  }
});

test('a device with room for one header has no end', async () => {
  const loaded = await load(Buffer.alloc(4096 + 3584));
  assert.equal(places(loaded).length, 1);
  const two = await load(Buffer.alloc(8192));
  assert.equal(places(two).length, 2);
});

test('a device too small for a header is refused', async () => {
  const error: unknown = await load(Buffer.alloc(3584)).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError);
  assert.is(error.code, 'too-small');
});

test('the backup of a grown device is found where the primary points, valid or not', async () => {
  const image = buildImage({ ...SPEC, tailBytes: Buffer.alloc(200 * 512) });
  const newEnd = endPlace(image);
  const pointed = `backup pointed ${END} valid`;
  assert.equal(places(await load(image)), [
    'primary front 0 valid',
    `backup end ${newEnd} magic+version+copy-field+checksum`,
    pointed,
  ]);
  patch(image, 'primary', 'total_remaps_created', 99);
  assert.equal(places(await load(image)).slice(-1), [pointed]);
  // without its header nothing tells where
  image.fill(0, 0, 512);
  assert.is(places(await load(image)).length, 2);
});

test('a pointer is followed only to where a header fits', async () => {
  for (const [sector, found] of [
    [8, true],
    [7, false],
    [1024 - 8, false], // the end itself, which is read once
    [1024 - 16, true],
    [1024 - 7, false],
    [2 ** 60, false],
    [2n ** 64n - 1n, false],
  ] as const) {
    const image = buildImage(SPEC);
    patch(image, 'primary', 'backup_header', sector);
    assert.is((await load(image)).backups.length, found ? 2 : 1, `backup_header ${sector}`);
  }
});

test('what makes a copy invalid is told, each fault by itself', async () => {
  const faults = async (change: (image: Buffer) => void, name: 'primary' | 'backup' = 'primary') => {
    const image = buildImage(SPEC);
    change(image);
    const { primary, backups } = await load(image);
    return (name === 'primary' ? primary : backups[0])?.faults;
  };
  const sealed =
    (field: 'version' | 'copy' | 'entry_count' | 'max_entries', value: number) => (image: Buffer) => {
      patch(image, 'primary', field, value);
      seal(image, 0);
    };
  assert.equal(await faults((image) => image.fill(0, 0, 1)), ['magic', 'checksum']);
  assert.equal(await faults(sealed('version', 2)), ['version']);
  assert.equal(await faults(sealed('copy', 1)), ['copy-field']);
  assert.equal(await faults(sealed('entry_count', 1001)), ['entry-count']);
  assert.equal(await faults(sealed('max_entries', 33_000)), ['table-outside']);
  assert.equal(await faults((image) => patch(image, 'primary', 'state', 1)), ['checksum']);
  assert.equal(await faults((image) => image.fill(9, 4096 + 47, 4096 + 48)), ['checksum']);
  assert.equal(await faults((image) => image.fill(9, 4096 + 48, 4096 + 500)), []);
  assert.equal(await faults((image) => patch(image, 'backup', 'copy', 0), 'backup'), [
    'copy-field',
    'checksum',
  ]);
  const outside = (image: Buffer) => {
    patch(image, 'backup', 'max_entries', 40_000);
  };
  assert.equal(await faults(outside, 'backup'), ['table-outside']);
});

test('a magic alone that is wrong is known by the checksum behind it', async () => {
  const image = buildImage(SPEC);
  image.write('DMREMAPx', 0);
  assert.ok((await load(image)).primary.onlyMagicWrong);
  image.writeUInt32LE(5, 60);
  assert.not((await load(image)).primary.onlyMagicWrong);
  assert.not((await load(buildImage(SPEC))).primary.onlyMagicWrong);
});

test('tables are compared to the last live byte, between any two copies', async () => {
  const random = new Random(1);
  const entries = Array.from({ length: 900 }, (_, index): Entry => [random.below(2 ** 30), 100 + index]);
  for (const [slot, same] of [
    [0, false],
    [899, false],
    [900, true],
  ] as const) {
    const image = buildImage({ ...SPEC, sectors: 4096, entries });
    const table = endPlace(image) - 16_384;
    image[table + slot * 16] = (image[table + slot * 16] ?? 0) ^ 1;
    seal(image, 'backup');
    const { primary, backups, sameTable } = await load(image);
    const [backup] = backups;
    assert.ok(backup !== undefined && isValid(primary) && isValid(backup));
    assert.is(sameTable(primary, backup), same, `slot ${slot}`);
    assert.is(sameTable(backup, primary), same);
  }
});

test('random bytes are read without complaint', async () => {
  const random = new Random(2);
  for (let round = 0; round < 200; round++) {
    const image = random.bytes(random.between(8, 64) * 512);
    if (random.chance(0.5)) image.write('DMREMAP3', 0);
    const loaded = await load(image);
    assert.ok([loaded.primary, ...loaded.backups].every((copy) => !isValid(copy)));
  }
});
