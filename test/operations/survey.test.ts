import { check } from '../../src/check/checker.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { surveySpare } from '../../src/operations/survey.js';
import { idsOf, WatchedDevice } from '../check/check-device.js';
import { buildImage, type Entry, type ImageSpec } from '../support/build-image.js';
import { EMPTY_SLOT, SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** What is learned about a spare besides its copies: strangers in their places, and the live data itself. */

const test = suite('survey');

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
    progress: (done, total) => told.push([done, total]),
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
