import type { Candidate } from '../../../src/repair/reconstruct/candidate.js';
import type { Told } from '../../../src/repair/reconstruct/lost-header.js';
import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import { sectors } from '../../../src/units.js';
import { DEFAULTS, type Entry, endPlace } from '../../support/build-image.js';
import { redundantGeometry } from '../../support/format-numbers.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';
import { readImage } from './damaged-set.js';
import { backupTable, entriesOf, flip, idsOf, isContentOf, spare } from './scenes.js';

/** A header made anew from what the devices say, for a table that lies there whole. */

const test = suite('reconstruct a lost header');

const TOLD: Told = {
  mainSize: sectors(DEFAULTS.mainSectors),
  mainId: 'serial:MAIN',
  setUuid: '11111111-1111-4111-8111-111111111111',
  spareUuid: '22222222-2222-4222-8222-222222222222',
  now: 1_750_000_000n,
};

function rebuilt(image: Buffer): readonly Candidate[] {
  return reconstruct(readImage(image, [], [], true), [], TOLD).candidates;
}

function withoutHeaders(image: Buffer): Buffer {
  const lost = Buffer.from(image);
  lost.fill(0, 0, 4096);
  lost.fill(0, endPlace(image), endPlace(image) + 4096);
  return lost;
}

function entriesIn({ content }: Candidate): Entry[] {
  const { table } = content;
  return [...table.live()].map((index) => [table.mainSector(index), table.spareSector(index)]);
}

test('a redundant set: its geometry is told by where both tables lie', () => {
  for (const maxEntries of [1000, 5000, 256]) {
    const image = spare('redundant', { maxEntries, entries: entriesOf(200, maxEntries) });
    const [candidate, other] = rebuilt(withoutHeaders(image));
    if (candidate === undefined) throw new Error('nothing was found');
    assert.is(other, undefined);
    assert.equal([candidate.kind, candidate.proven, candidate.fits], ['rebuilt', false, []]);
    assert.equal(entriesIn(candidate), entriesOf(200, maxEntries));
    const { header } = candidate.content;
    const geometry = redundantGeometry(image.length / 512, maxEntries);
    assert.is(header.data_start, BigInt(geometry.dataStart));
    assert.is(header.backup_table, BigInt(geometry.backupTable));
    assert.equal([header.main_id, header.set_uuid], [TOLD.mainId, TOLD.setUuid]);
    assert.ok(candidate.odds.searched >= 2n ** 32n);
    // the other copy is to be written, nothing else is wrong
    assert.equal(idsOf(candidate), ['copy-damaged']);
  }
});

test('a plain set has the usual capacity where that fits, else as much as its entries leave room for', () => {
  for (const [maxEntries, capacity] of [
    [1000, 1000],
    [100, 256],
    [5000, 1000],
  ] as const) {
    const entries = entriesOf(90, maxEntries);
    const [candidate, other] = rebuilt(withoutHeaders(spare('plain', { maxEntries, entries })));
    if (candidate === undefined) throw new Error('nothing was found');
    assert.is(other, undefined);
    assert.equal(entriesIn(candidate), entries);
    assert.is(candidate.content.header.max_entries, capacity);
    assert.equal(idsOf(candidate), []);
  }
});

test('a table that only the end still has, and two that differ', () => {
  const image = withoutHeaders(spare('redundant'));
  const noFront = Buffer.from(image);
  noFront.fill(0xff, 4096, 8192);
  const [alone] = rebuilt(noFront);
  assert.equal(alone && entriesIn(alone), entriesOf(200));
  const differ = Buffer.from(image);
  flip(differ, 4096 + 16 * 7);
  const candidates = rebuilt(differ);
  assert.equal(candidates.map(({ keeps, content }) => [keeps, content.header.backup_header > 0n]).sort(), [
    [200, false],
    [200, true],
    [200, true],
  ]);
});

test('a moved entry that its old slot still holds ends the table', () => {
  const image = spare('plain');
  // entry 50 was removed: the last one has moved into its slot, and is still where it was
  image.copy(image, 4096 + 16 * 50, 4096 + 16 * 199, 4096 + 16 * 200);
  const [candidate] = rebuilt(withoutHeaders(image));
  assert.is(candidate?.keeps, 199);
});

test('a generation newer than what is left of a header', () => {
  const image = withoutHeaders(spare('redundant'));
  image.write('DMREMAP3', 0, 'latin1');
  image.writeUInt32LE(41, 60);
  assert.is(rebuilt(image)[0]?.generation, 42);
});

test('nothing is made of nothing, of noise, or where something better fits', () => {
  assert.equal(rebuilt(Buffer.alloc(1 << 20)), []);
  assert.equal(rebuilt(new Random(7).bytes(1 << 20)), []);
  const whole = spare('redundant');
  const image = Buffer.from(whole);
  image.fill(0, 0, 4096);
  flip(image, backupTable(image) + 16);
  const [candidate, other] = rebuilt(image);
  assert.ok(isContentOf(candidate, whole));
  assert.is(other, undefined);
});
