import { appendFileSync, closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { check } from '../../src/check/checker.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { withDevice } from '../../src/operations/open-device.js';
import { surveySpare } from '../../src/operations/survey.js';
import { idsOf, WatchedDevice } from '../check/check-device.js';
import { Scratch } from '../device/scratch.js';
import { buildHeader, buildImage, type Entry, type ImageSpec, patchSealed } from '../support/build-image.js';
import {
  checksumOf,
  EMPTY_SLOT,
  ENTRY_LENGTH,
  putField,
  redundantGeometry,
  SECTOR,
} from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { saved, savedSpare } from './images.js';

/** What is learned about a spare besides its copies: strangers in their places, and the live data itself. */

const test = suite('survey');
let scratch: Scratch;
test.before(() => {
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

const SPEC: ImageSpec = { layout: 'redundant', sectors: 1024, maxEntries: 252 };

async function ids(image: Buffer): Promise<string[]> {
  return idsOf(check(await surveySpare(new MemoryDevice(image))));
}

/** A set without its primary, and what btrfs has at 64 KiB, which is the spare sector 128. */
function beside(entries: readonly Entry[]): Buffer {
  const image = buildImage({ ...SPEC, entries });
  image.fill(0, 0, 4096);
  image.write('_BHRfS_M', 128 * SECTOR + 64);
  return image;
}

test('a filesystem beside a lost copy keeps it from being written over', async () => {
  assert.equal(await ids(beside([[5, 200]])), ['copy-foreign-signature']);
});

test('the data of a remapped sector is no filesystem, whatever it looks like', async () => {
  assert.equal(await ids(beside([[5, 128]])), ['copy-damaged']);
  assert.equal(await ids(beside([[EMPTY_SLOT, 128]])), ['copy-foreign-signature', 'slot-empty']);
});

test('a healthy set is not searched for strangers', async () => {
  const log = new LogDevice(new MemoryDevice(buildImage(SPEC)));
  await surveySpare(log);
  assert.is(log.lines().filter((line) => line.startsWith('read 65536')).length, 0);
});

const GROWN = { ...SPEC, tailBytes: Buffer.alloc(5 * 2 ** 20) };

test('a grown device is read to its end only where that is asked for, and tells how far it is', async () => {
  const log = new LogDevice(new MemoryDevice(buildImage(GROWN)));
  const read = () => log.requests.reduce((sum, one) => sum + (one.kind === 'read' ? one.length : 0), 0);
  assert.equal(idsOf(check(await surveySpare(log, { skipBeyond: true }))), ['device-grown']);
  assert.ok(read() < 2 ** 20, `${read()} bytes`);
  const told: [done: number, total: number][] = [];
  await surveySpare(log, { progress: (done, total) => told.push([done, total]) });
  assert.ok(read() > 5 * 2 ** 20, `${read()} bytes`);
  assert.equal([told.length, told.at(-1)], [5, [5 * 2 ** 20, 5 * 2 ** 20]]);
});

test('a signature in the old tail is in the way of a move too', async () => {
  // a sector of tail, which becomes the last block of 4096 bytes when the device grows by seven
  const image = buildImage({ ...SPEC, sectors: 1025, tailBytes: Buffer.alloc(7 * SECTOR) });
  assert.equal(await ids(image), ['device-grown']);
  image.write('EFI PART', 1024 * SECTOR);
  assert.equal(await ids(image), ['device-grown', 'copy-foreign-signature']);
});

test('a set whose copies have no room on its device is judged, and nothing is moved', async () => {
  const image = buildImage({
    layout: 'plain-ext',
    sectors: 57,
    maxEntries: 600,
    tailBytes: Buffer.alloc(SECTOR),
  });
  patchSealed(image, 'primary', 'ro_compat_flags', 1);
  const found = await ids(image);
  assert.ok(found.includes('geometry-wrong') && found.includes('device-grown'), found.join());
});

test('the holes of a grown image are not read', async () => {
  const path = savedSpare(scratch, 'grown.img', SPEC);
  const last = 2 ** 40 - SECTOR;
  truncateSync(path, last + SECTOR);
  const ids = () => withDevice(path, 'read', async (device) => idsOf(check(await surveySpare(device))));
  assert.equal(await ids(), ['device-grown']);
  const file = openSync(path, 'r+');
  writeSync(file, 'x', 2 ** 39);
  closeSync(file);
  assert.equal(await ids(), ['device-grown-occupied']);
});

/** A sparse image whose primary has so many entries, and whose backup is zero. */
function imageOfMany(count: number): string {
  const sectors = 2 ** 25 + 2 ** 21;
  const geometry = redundantGeometry(sectors, count);
  const table = Buffer.alloc(count * ENTRY_LENGTH);
  const words = new Uint32Array(table.buffer, table.byteOffset, count * 4);
  for (let index = 0; index < count; index++) {
    words[index * 4] = index;
    words[index * 4 + 2] = geometry.dataStart + index;
  }
  const header = buildHeader({
    magic: 'DMREMAP3',
    version: 1,
    entry_count: count,
    max_entries: count,
    main_device_size: count,
    spare_device_size: sectors,
    generation: 1,
    ext_magic: 'DMR3EXT1',
    ro_compat_flags: 1,
    data_start: geometry.dataStart,
    data_sectors: geometry.dataSectors,
    backup_header: geometry.backupHeader,
    backup_table: geometry.backupTable,
  });
  putField(header, 'checksum', checksumOf(header, table));
  const path = saved(scratch, 'many.img', header);
  appendFileSync(path, table);
  truncateSync(path, sectors * SECTOR);
  return path;
}

test('a damaged copy beside more entries than a Set can hold', async () => {
  const path = imageOfMany(2 ** 24 + 1);
  const found = await withDevice(path, 'read', async (device) => idsOf(check(await surveySpare(device))));
  assert.equal(found, ['copy-damaged']);
});

test('media: every live sector is read once, neighbours together, nothing else', async () => {
  const entries: Entry[] = [
    [9, 102],
    [5, 100],
    [7, 101],
    [EMPTY_SLOT, 300],
    [8, 400],
  ];
  const log = new LogDevice(new MemoryDevice(buildImage({ ...SPEC, entries })));
  await surveySpare(log);
  const before = log.requests.length;
  const told: [done: number, total: number][] = [];
  const { media } = await surveySpare(log, {
    media: true,
    progress: (done, total) => void (total === 2048 && told.push([done, total])),
  });
  assert.equal(media, { badSectors: [] });
  assert.equal(log.lines().slice(2 * before), [`read ${100 * SECTOR}+1536`, `read ${400 * SECTOR}+512`]);
  assert.equal(told, [
    [1536, 2048],
    [2048, 2048],
  ]);
});

test('media: bad sectors are told one by one', async () => {
  const entries = Array.from({ length: 100 }, (_, index): Entry => [index, 100 + index]);
  const errors = new ErrorDevice(new MemoryDevice(buildImage({ ...SPEC, entries })));
  for (const sector of [99, 100, 150, 151, 199, 200]) errors.addFault({ sector, on: 'read' });
  const { media } = await surveySpare(errors, { media: true });
  assert.equal(media?.badSectors.map(Number), [100, 150, 151, 199]);
});

test('media: what lies beyond the device is another problem', async () => {
  const image = buildImage({ ...SPEC, entries: [[5, 2 ** 40]] });
  const { media } = await surveySpare(new MemoryDevice(image), { media: true });
  assert.equal(media, { badSectors: [] });
});

test('media is read only where it is asked for, and nothing is written by anything', async () => {
  const watched = new WatchedDevice(new MemoryDevice(buildImage({ ...SPEC, entries: [[5, 100]] })));
  assert.is((await surveySpare(watched)).media, undefined);
  await surveySpare(watched, { media: true });
  assert.is(watched.attempts, 0);
});

test('the holder is asked about while the copies are read', async () => {
  const order: string[] = [];
  const holder = async () => {
    order.push('asked');
    return 'mounted on /mnt';
  };
  class Telling extends MemoryDevice {
    override async read(...request: Parameters<MemoryDevice['read']>): Promise<void> {
      order.push('read');
      return super.read(...request);
    }
  }
  const survey = await surveySpare(new Telling(buildImage(SPEC)), { holder });
  assert.is(survey.holder, 'mounted on /mnt');
  assert.is(order[0], 'asked');
  assert.ok(order.length > 3);
});
