import { Copies } from '../../src/serve/copies.js';
import { sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { SECTOR } from './stand.js';

/** What memory has of the sectors that were written to a spare. */

const test = suite('copies of what was written');

/** Copies are kept of so many sectors, between two flushes. */
const MOST = 8192;

test('beyond so many sectors a copy is what was written last, or none', () => {
  for (const seed of [1, 2]) {
    const random = new Random(seed);
    const copies = new Copies();
    const written = new Map<number, number>();
    const span = 3 * MOST;
    let kept = 0;
    for (let count = 1; count <= 2 * span; count++) {
      if (random.chance(1 / MOST)) copies.begin();
      if (random.chance(1 / MOST)) copies.end();
      if (random.chance(1 / (2 * MOST))) copies.fail();
      const sector = 1000 + random.below(span);
      copies.keep(sector, sectors(sector), sectorOf(count), 0);
      written.set(sector, count);
      const asked = 1000 + random.below(span);
      const copy = copies.of(asked);
      if (copy !== undefined) kept++;
      if (copy !== undefined) assert.is(numberIn(copy), written.get(asked), `sector ${asked}, seed ${seed}`);
    }
    assert.ok(kept > MOST, `${kept} were there`);
  }
});

test('the first so many are kept, and kept up to date', () => {
  const copies = new Copies();
  for (const round of [1, 2]) {
    for (let sector = 0; sector < 2 * MOST; sector++)
      copies.keep(sector, sectors(sector), sectorOf(round * 100_000 + sector), 0);
    for (let sector = 0; sector < 2 * MOST; sector++) {
      const copy = copies.of(sector);
      assert.is(copy && numberIn(copy), sector < MOST ? round * 100_000 + sector : undefined);
    }
  }
});

test('once a flush has ended there is room for others', () => {
  const copies = new Copies();
  const fill = (first: number): void => {
    for (let sector = first; sector < first + MOST; sector++)
      copies.keep(sector, sectors(sector), sectorOf(sector), 0);
  };
  fill(0);
  copies.begin();
  fill(MOST);
  assert.ok(copies.of(0), 'while it lasts');
  copies.end();
  assert.is(copies.of(0), undefined);
  copies.keep(MOST, sectors(MOST), sectorOf(7), 0);
  assert.is(
    numberIn(copies.of(MOST) as Uint8Array),
    7,
    'those that came meanwhile are still kept up to date',
  );
});

function sectorOf(number: number): Uint8Array {
  const data = Buffer.alloc(SECTOR);
  data.writeUInt32LE(number);
  return data;
}

function numberIn(data: Uint8Array): number {
  return Buffer.from(data).readUInt32LE();
}
