import { type HeaderReading, type Range, regionsToRead } from '../../../src/repair/reconstruct/reading.js';
import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import { bytes } from '../../../src/units.js';
import { endPlace, patch } from '../../support/build-image.js';
import { tableArea } from '../../support/format-numbers.js';
import { assert, suite } from '../../support/harness.js';
import { readImage } from './damaged-set.js';
import { backupTable, entriesOf, flip, isContentOf, proven, spare, spoil } from './scenes.js';

/** What is read where the capacity is damaged, and what becomes of bytes that cannot be read. */

const test = suite('reconstruct readings');

const AREA = tableArea(1000);

function lengths(image: Buffer): number[] {
  const { primary, backups } = readImage(image);
  return [primary, ...backups].map(({ region }) => region.length);
}

test('whole table areas are read, of both copies', () => {
  assert.equal(lengths(spare('redundant')), [AREA, AREA]);
  assert.equal(lengths(spare('plain')), [AREA, AREA]);
});

test('the capacity that most fields tell is read', () => {
  for (const capacity of [0, 5, 2000, 2 ** 20, 2 ** 32 - 1]) {
    const image = spare('redundant');
    patch(image, 'primary', 'max_entries', capacity);
    assert.equal(lengths(image), [AREA, AREA]);
    patch(image, 'backup', 'data_start', 99);
    assert.equal(lengths(image), [AREA, AREA]);
  }
});

test('where a plain capacity cannot be, the live entries are read', () => {
  const image = spare('plain');
  patch(image, 'primary', 'max_entries', 2 ** 31);
  assert.is(lengths(image)[0], 4096);
  patch(image, 'primary', 'entry_count', 2 ** 31);
  assert.is(lengths(image)[0], 0);
});

test('nothing beyond the device is asked for', () => {
  const image = spare('plain');
  patch(image, 'primary', 'max_entries', 30_000_000);
  patch(image, 'primary', 'entry_count', 20_000_000);
  const header: HeaderReading = { name: 'primary', headerAt: bytes(0), block: image.subarray(0, 4096) };
  const [range] = regionsToRead([header], bytes(image.length));
  assert.ok(range !== undefined && range.at + range.length <= image.length);
});

test('a flipped bit of max_entries moves the table of a backup, and is found', () => {
  for (let bit = 0; bit < 32; bit++) {
    const whole = spare('redundant');
    const image = Buffer.from(whole);
    flip(image, endPlace(image) + 36 + Math.floor(bit / 8), 1 << (bit % 8));
    spoil(image, 4096 + 16 * 100);
    spoil(image, 20);
    assert.ok(isContentOf(proven(image), whole), `bit ${bit}`);
    // and in both copies at once
    const both = Buffer.from(whole);
    for (const place of [0, endPlace(both)]) flip(both, place + 36 + Math.floor(bit / 8), 1 << (bit % 8));
    assert.ok(isContentOf(proven(both), whole), `bit ${bit} of both`);
  }
});

function sector(at: number): Range {
  return { at: bytes(at), length: bytes(512) };
}

/** What is proven where these sectors cannot be read. */
function provenWithout(image: Buffer, ...sectors: readonly number[]) {
  for (const at of sectors) image.fill(0, at, at + 512);
  const found = reconstruct(readImage(image, [], sectors.map(sector)));
  return { found, candidate: found.candidates.find(({ proven: isProven }) => isProven) };
}

test('sectors that one copy still has are taken from there', () => {
  const whole = spare('redundant', { entries: entriesOf(1000) });
  const image = Buffer.from(whole);
  const { candidate } = provenWithout(image, 4096 + 512, 4096 + 8192, backupTable(image) + 1024);
  assert.ok(isContentOf(candidate, whole));
  assert.ok((candidate?.odds.searched ?? 9n) < 4n);
});

test('a header that cannot be read is the other one', () => {
  const whole = spare('redundant');
  const image = Buffer.from(whole);
  spoil(image, backupTable(image) + 512);
  const { candidate } = provenWithout(image, 0);
  assert.ok(isContentOf(candidate, whole));
  assert.equal(candidate?.fits, ['backup']);
});

test('a sector that no copy has is not made up', () => {
  const image = spare('redundant');
  const { candidate } = provenWithout(image, 4096 + 512, backupTable(image) + 512);
  assert.is(candidate, undefined);
  const plain = spare('plain');
  flip(plain, 20);
  const { found } = provenWithout(plain, 4096 + 512);
  assert.equal(found.candidates, []);
  assert.is(found.complete, false);
});

test('free slots that cannot be read do not hide the count before them', () => {
  const whole = spare('plain');
  const image = Buffer.from(whole);
  patch(image, 'primary', 'entry_count', 150);
  const { found, candidate } = provenWithout(image, 4096 + 512 * 20);
  assert.is(candidate, undefined);
  assert.is(found.complete, false);
  assert.ok(isContentOf(found.candidates[0], whole));
});

test('one flipped bit is not proven where free slots could not be read: their counts were not tried', () => {
  const whole = spare('plain');
  const image = Buffer.from(whole);
  flip(image, 20);
  const { found, candidate } = provenWithout(image, 4096 + 512 * 20);
  assert.is(candidate, undefined);
  assert.is(found.complete, false);
  assert.ok(isContentOf(found.candidates[0], whole));
});
