import fc from 'fast-check';
import { MemoryDevice } from '../../src/device/memory-device.js';
import {
  createPhases,
  erase,
  type FreshSet,
  freshContent,
  freshDataSectors,
} from '../../src/store/create.js';
import { carryOut } from '../../src/store/phase.js';
import { bytes, sectors } from '../../src/units.js';
import { buildImage } from '../support/build-image.js';
import { redundantGeometry } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** A fresh set is, byte for byte, what the independent builder makes of the same numbers. */

const test = suite('create');
const RUNS = { seed: 20_231_009, numRuns: 100 };

const SET_UUID = '11111111-2222-4333-8444-555555555555';
const SPARE_UUID = '99999999-8888-4777-a666-555555555555';
const uuidBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex');

test('both layouts, any size and capacity that fits', async () => {
  const property = fc.asyncProperty(
    fc.constantFrom('redundant' as const, 'plain' as const),
    fc.integer({ min: 1, max: 600 }),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 2 ** 44 }),
    fc.constantFrom('', 'wwn:0x5000c500a1b2c3d4', 'serial:Größe 1'),
    async (layout, maxEntries, extra, mainSize, mainId) => {
      const area = redundantGeometry(0, maxEntries).dataStart;
      const size = area * (layout === 'redundant' ? 2 : 1) + extra + 8;
      const set: FreshSet = {
        layout,
        size: bytes(size * 512),
        maxEntries,
        mainSize: sectors(mainSize),
        mainId,
        setUuid: SET_UUID,
        spareUuid: SPARE_UUID,
        now: 1_750_000_000n,
      };
      const device = new MemoryDevice(new Uint8Array(size * 512));
      await carryOut(device, createPhases(freshContent(set), 512));
      const identity = { main_id: mainId, set_uuid: uuidBytes(SET_UUID), spare_uuid: uuidBytes(SPARE_UUID) };
      const times = { creation_time: 1_750_000_000, last_update_time: 1_750_000_000 };
      const expected = buildImage({
        layout,
        sectors: size,
        maxEntries,
        mainSectors: mainSize,
        fields: { ...times, ...(layout === 'redundant' ? identity : {}) },
      });
      assert.equal(device.content, new Uint8Array(expected));
      assert.is(judge(expected).n, 0);
      const geometry = redundantGeometry(size, maxEntries);
      const room = layout === 'redundant' ? geometry.dataSectors : size - geometry.dataStart;
      assert.is(freshDataSectors(set), room);
    },
  );
  await fc.assert(property, RUNS);
});

test('a capacity that does not fit leaves no room', () => {
  const room = (layout: 'redundant' | 'plain', size: number) =>
    freshDataSectors({ layout, size: bytes(size * 512), maxEntries: 1000 });
  // header and table of 1000 entries take 40 sectors
  assert.equal(
    [39, 40, 41].map((size) => room('plain', size)),
    [-1, 0, 1],
  );
  assert.equal(
    [72, 80, 87, 88].map((size) => room('redundant', size)),
    [-8, 0, 0, 8],
  );
});

test('the backup is written before the primary, by which the set is found', () => {
  const base = { size: bytes(512 * 2048), maxEntries: 10, mainSize: sectors(100), mainId: '', now: 0n };
  const uuids = { setUuid: SET_UUID, spareUuid: SPARE_UUID };
  const places = (layout: 'redundant' | 'plain') =>
    createPhases(freshContent({ ...base, ...uuids, layout }), 512).map(({ writes }) =>
      writes.map(({ at }) => Number(at)),
    );
  assert.equal(places('redundant'), [[2040 * 512], [0]]);
  assert.equal(places('plain'), [[0]]);
});

test('erasures are widened to whole logical blocks', () => {
  const spans = (blockSize: number) =>
    erase(
      [
        { at: bytes(1024), length: 512 },
        { at: bytes(8192), length: 5000 },
      ],
      blockSize,
    ).map(({ writes }) =>
      writes.map(({ at, bytes: zeros }) => [Number(at), zeros.length, zeros.every((byte) => byte === 0)]),
    );
  assert.equal(spans(512), [
    [
      [1024, 512, true],
      [8192, 5120, true],
    ],
  ]);
  assert.equal(spans(4096), [
    [
      [0, 4096, true],
      [8192, 8192, true],
    ],
  ]);
  assert.equal(erase([], 512), []);
});
