import fc from 'fast-check';
import {
  backupHeaderPlace,
  dataStart,
  plainGeometry,
  redundantGeometry,
  TABLE_START,
  tableArea,
} from '../../src/format/geometry.js';
import { bytes, sectors } from '../../src/units.js';
import { fixture } from '../support/fixtures.js';
import { u64 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** Where things lie, against the formulas of sections 1 and 2 in exact integers. */

const test = suite('geometry');
const RUNS = { seed: 20_231_006, numRuns: 2000 };

const capacities = fc.oneof(
  fc.integer({ min: 1, max: 33_554_175 }),
  fc.constantFrom(1, 255, 256, 257, 1000, 33_554_175),
);
/** Up to 64 TiB, in sectors. */
const sizes = fc.oneof(fc.integer({ min: 8, max: 2 ** 37 }), fc.integer({ min: 8, max: 4096 }));

/** A of section 1: max_entries × 16 rounded up to 4096. */
function areaOf(maxEntries: number): bigint {
  return ((BigInt(maxEntries) * 16n + 4095n) / 4096n) * 4096n;
}

test('table and data area of both layouts', () => {
  assert.is(TABLE_START, 4096);
  const property = fc.property(capacities, (maxEntries) => {
    assert.is(BigInt(tableArea(maxEntries)), areaOf(maxEntries));
    assert.is(BigInt(dataStart(maxEntries)), (4096n + areaOf(maxEntries)) / 512n);
  });
  fc.assert(property, RUNS);
});

test('the largest table ends at 512 MiB', () => {
  assert.is(tableArea(33_554_175) + 4096, 512 * 2 ** 20);
});

test('the backup of the redundant layout', () => {
  const property = fc.property(sizes, capacities, (size, maxEntries) => {
    const rounded = ((BigInt(size) * 512n) / 4096n) * 4096n;
    const header = (rounded - 4096n) / 512n;
    const table = header - areaOf(maxEntries) / 512n;
    const start = (4096n + areaOf(maxEntries)) / 512n;
    const place = backupHeaderPlace(bytes(size * 512));
    assert.is(BigInt(place), rounded - 4096n);
    const geometry = redundantGeometry(place, maxEntries);
    assert.equal(asBigints(geometry), {
      data_start: start,
      data_sectors: table - start,
      primary_header: 0n,
      backup_header: header,
      backup_table: table,
    });
  });
  fc.assert(property, RUNS);
});

test('the plain layout has data to its end and no backup', () => {
  const property = fc.property(sizes, capacities, (size, maxEntries) => {
    const start = (4096n + areaOf(maxEntries)) / 512n;
    assert.equal(asBigints(plainGeometry(sectors(size), maxEntries)), {
      data_start: start,
      data_sectors: BigInt(size) - start,
      primary_header: 0n,
      backup_header: 0n,
      backup_table: 0n,
    });
  });
  fc.assert(property, RUNS);
});

test('a tail shorter than 4096 bytes moves nothing', () => {
  for (let tail = 0; tail < 4096; tail += 512)
    assert.is(backupHeaderPlace(bytes(65_536 + tail)), 61_440, `${tail} bytes`);
  assert.is(backupHeaderPlace(bytes(65_536 + 4096)), 65_536);
});

test('the golden redundant images lie so', () => {
  for (const name of ['redundant-empty', 'redundant-some', 'redundant-full', 'wrap']) {
    const image = fixture(name);
    const header = image.subarray(0, 4096);
    const geometry = redundantGeometry(backupHeaderPlace(bytes(image.length)), header.readUInt32LE(36));
    for (const field of ['data_start', 'data_sectors', 'backup_header', 'backup_table'] as const)
      assert.is(BigInt(geometry[field]), u64(header, field), `${name} ${field}`);
  }
});

function asBigints(geometry: object): Record<string, bigint> {
  return Object.fromEntries(Object.entries(geometry).map(([name, value]) => [name, BigInt(value as number)]));
}
