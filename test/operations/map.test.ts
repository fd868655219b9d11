import { cellsOf, readMap } from '../../src/operations/map.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type Entry, type ImageSpec, patch } from '../support/build-image.js';
import { EMPTY_SLOT } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { saved, savedSpare } from './images.js';

/** What a picture is made of. */

const test = suite('map');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const SPEC: ImageSpec = { layout: 'redundant', sectors: 4096, maxEntries: 1000, mainSectors: 1_000_000 };

function mapOf(entries: readonly Entry[], more: Partial<ImageSpec> = {}) {
  return readMap(savedSpare(scratch, 'spare.img', { ...SPEC, entries, ...more }));
}

test('sectors, in order; what breaks a rule is counted and not drawn', async () => {
  const map = await mapOf([
    [900, 300],
    [5, 301],
    [EMPTY_SLOT, 302],
    [900, 303],
    [1_000_000, 304],
    [2n ** 63n, 305],
    [999_999, 306],
  ]);
  assert.equal([...(map?.sectors ?? [])], [5, 900, 999_999]);
  assert.equal([map?.entries, map?.beyond, map?.repeated], [6, 2, 1]);
});

test('clusters: no gap beyond a mebibyte, the largest first, few of many', async () => {
  const apart = [0, 2048, 4096, 6145, 6146, 500_000];
  const map = await mapOf(apart.map((main, index): Entry => [main, 300 + index]));
  assert.equal(map?.clusters, {
    total: 3,
    largest: [
      { first: 0, last: 4096, count: 3 },
      { first: 6145, last: 6146, count: 2 },
      { first: 500_000, last: 500_000, count: 1 },
    ],
  });
  const many = Array.from({ length: 20 }, (_, index) => [
    index * 5000,
    index * 5000 + (index === 13 ? 1 : 0),
  ]);
  const entries = [...new Set(many.flat())].map((main, index): Entry => [main, 300 + index]);
  const listed = (await mapOf(entries))?.clusters;
  assert.equal([listed?.total, listed?.largest.length], [20, 8]);
  assert.equal(
    listed?.largest.map(({ first }) => first),
    [65_000, 0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000],
  );
});

test('cells hold every sector once, whatever the size of main', () => {
  const random = new Random(3);
  for (const mainSectors of [1, 2, 1023, 1024, 1025, 4_000_000_000, 2 ** 52]) {
    const sectors = Float64Array.from(
      new Set([0, mainSectors - 1, ...random.distinct(50, 0, Math.min(mainSectors, 2 ** 32) - 1)]),
    ).sort();
    for (const grid of [
      { perRow: 8, rows: 16 },
      { perRow: 96, rows: 24 },
    ]) {
      const { size, counts } = cellsOf(sectors, mainSectors, grid);
      assert.ok(counts.length <= grid.perRow * grid.rows);
      assert.ok(size === 1 || counts.length * 2 > grid.perRow * grid.rows, 'as fine as the grid allows');
      for (const [cell, count] of counts.entries()) {
        const inside = sectors.filter((sector) => sector >= cell * size && sector < (cell + 1) * size).length;
        assert.is(count, inside);
      }
    }
  }
});

test('room for data, by layout and recorded size', async () => {
  const sizeOf = async (more: Partial<ImageSpec>) => (await mapOf([], more))?.dataSectors;
  // header 8 sectors and table 32, at both ends
  assert.is(await sizeOf({}), 4096 - 80);
  assert.is(await sizeOf({ layout: 'plain' }), 4096 - 40);
  assert.is(await sizeOf({ layout: 'plain-ext', tailBytes: Buffer.alloc(4096) }), 4096 - 40);
});

test('no picture where no copy is valid', async () => {
  const lost = buildImage({ ...SPEC, layout: 'plain' });
  patch(lost, 'primary', 'last_update_time', 1);
  assert.is(await readMap(saved(scratch, 'lost.img', lost)), undefined);
});
