import type { Candidate, Reconstruction } from '../../../src/repair/reconstruct/candidate.js';
import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import { SubsetSums } from '../../../src/repair/reconstruct/subset-sums.js';
import { buildImage, endPlace, type ImageSpec, patch } from '../../support/build-image.js';
import { checksumOf, crc32, FIELDS, redundantGeometry } from '../../support/format-numbers.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';
import { readCopies, readImage } from './damaged-set.js';
import { truthOf } from './truth.js';

/** The edges of section 6's definition: how many contents may be searched, and how many entries a bit may have. */

const test = suite('reconstruct limits');

function imageOf(layout: ImageSpec['layout'], count: number, maxEntries: number): Buffer {
  const { dataStart } = redundantGeometry(0, maxEntries);
  const sectors = Math.ceil((2 * dataStart + count + 16) / 8) * 8;
  const entries = Array.from({ length: count }, (_, slot) => [slot * 5, dataStart + slot] as const);
  return buildImage({ layout, sectors, maxEntries, entries });
}

function flip(image: Buffer, at: number, bit = 0): void {
  image[at] = (image[at] ?? 0) ^ (1 << bit);
}

/** All that was found, the single candidate that each of these images has. */
function only({ candidates }: Reconstruction): Candidate {
  const [candidate, other] = candidates;
  if (candidate === undefined || other !== undefined) throw new Error(`${candidates.length} candidates`);
  return candidate;
}

for (const [count, proven] of [
  [459, true],
  [460, false],
] as const)
  test(`one bit among ${count} entries is ${proven ? 'proven' : 'a guess'}`, () => {
    for (const at of [20, 4096 + 16 * 200 + 3, 13]) {
      const image = imageOf('plain', count, 1000);
      flip(image, at);
      const found = reconstruct(readImage(image));
      const candidate = only(found);
      assert.is(candidate.kind, 'one-bit');
      assert.is(candidate.proven, proven, candidate.why);
      // as it lies, the other counts, every bit
      assert.is(candidate.odds.searched, BigInt(1 + 1000 + 8 * (4096 + 16 * count)));
      assert.is(found.complete, true);
    }
  });

for (const [capacity, proven] of [
  [131_071, true],
  [131_072, false],
] as const)
  test(`a count among ${capacity} is ${proven ? 'proven' : 'a guess'}`, () => {
    const image = imageOf('plain', 50, capacity);
    patch(image, 'primary', 'entry_count', 49);
    const candidate = only(reconstruct(readImage(image)));
    assert.is(candidate.kind, 'count');
    assert.is(candidate.proven, proven, candidate.why);
    assert.is(candidate.odds.searched, BigInt(1 + capacity));
    assert.is(candidate.keeps, 50);
  });

test('a capacity that cannot be right takes no count its proof, however few of its slots can be read', () => {
  const { dataStart } = redundantGeometry(0, 1000);
  const entries = Array.from({ length: 50 }, (_, slot) => [slot * 5, dataStart + slot] as const);
  const image = buildImage({ layout: 'redundant', sectors: 2048, maxEntries: 1000, entries });
  flip(image, 35, 6); // entry_count of the primary
  flip(image, endPlace(image) + 37, 7); // max_entries of the backup
  const [candidate] = reconstruct(readImage(image)).candidates.filter(({ proven }) => proven);
  assert.is(candidate?.keeps, 50);
});

test('a capacity whose counts are searched first takes a bit its proof', () => {
  const room = 2 ** 17 - 1 - 8 * (4096 + 16 * 50);
  for (const [capacity, proven] of [
    [room, true],
    [room + 1, false],
  ] as const) {
    const image = imageOf('plain', 50, capacity);
    flip(image, 4100);
    assert.is(only(reconstruct(readImage(image))).proven, proven);
  }
});

test('the same damage in both copies is one witness: a bit is proven only where one copy would do', () => {
  for (const [count, proven] of [
    [400, true],
    [1000, false],
  ] as const) {
    const image = imageOf('redundant', count, 1000);
    const end = endPlace(image);
    flip(image, 4096 + 160);
    flip(image, end - 16384 + 160);
    const candidate = only(reconstruct(readImage(image)));
    assert.is(candidate.kind, 'one-bit');
    assert.equal(candidate.fits, ['primary', 'backup']);
    assert.is(candidate.proven, proven, candidate.why);
    assert.is(candidate.odds.searched, BigInt(1 + 1000 + 8 * (4096 + 16 * count)));
  }
});

test('two bits of one sector, one in each copy, are two witnesses at any size', () => {
  const image = imageOf('redundant', 1000, 1000);
  flip(image, 4096 + 160);
  flip(image, endPlace(image) - 16384 + 165);
  const candidate = only(reconstruct(readImage(image)));
  assert.is(candidate.kind, 'one-bit');
  assert.is(candidate.proven, true, candidate.why);
  assert.ok(candidate.odds.searched > 2n ** 17n);
});

test('two copies that differ are searched both: with many entries that is too much for a bit', () => {
  for (const [count, proven] of [
    [200, true],
    [300, false],
  ] as const) {
    const image = imageOf('redundant', count, 1000);
    flip(image, 4096 + 160);
    // two bits in the same sector of the backup: nothing there can be put right
    flip(image, endPlace(image) - 16384 + 165);
    flip(image, endPlace(image) - 16384 + 170, 3);
    const candidate = only(reconstruct(readImage(image)));
    assert.is(candidate.kind, 'one-bit');
    assert.equal(candidate.fits, ['primary', 'backup']);
    assert.is(candidate.proven, proven, candidate.why);
  }
});

test('17 differing blocks are proven, 18 are a guess, 40 fit in too many ways', () => {
  for (const [blocks, proven] of [
    [17, true],
    [18, false],
  ] as const) {
    const image = mixed(blocks);
    const [candidate] = reconstruct(readImage(image)).candidates;
    assert.is(candidate?.kind, 'mixture');
    assert.is(candidate?.odds.searched, 2n ** BigInt(blocks));
    assert.is(candidate?.proven, proven, candidate?.why);
  }
  const found = reconstruct(readImage(mixed(40)));
  assert.is(found.complete, false);
  assert.ok(found.limits[0]?.includes('2^8 of 2^40'), found.limits.join());
  assert.ok(found.candidates.every((candidate) => !candidate.proven));
});

/** So many blocks of which one copy has a flipped bit, by turns. No rule can tell which. */
function mixed(blocks: number): Buffer {
  const count = 256 * blocks;
  const image = imageOf('redundant', count, count);
  const table = endPlace(image) - 4096 * blocks;
  for (let block = 0; block < blocks; block++)
    flip(image, (block % 3 === 0 ? table : 4096) + 4096 * block + 16 * block, 1);
  return image;
}

test('a table that was made so that every count fits gives few candidates, and none is proven', () => {
  const image = imageOf('plain', 0, 1000);
  const view = image.subarray(4096);
  // the last four bytes of each entry are chosen so that the checksum stays the same with one entry more
  const wanted = image.readUInt32LE(FIELDS.checksum[0]);
  for (let count = 1; count <= 200; count++) {
    image.writeUInt32LE(count, FIELDS.entry_count[0]);
    const live = view.subarray(0, 16 * count);
    live.writeUInt32LE(count, 16 * count - 16);
    live.set(patchForCrc(Buffer.concat([unsummed(image), live.subarray(0, -4)]), wanted), live.length - 4);
    assert.is(checksumOf(image.subarray(0, 4096), live), wanted);
  }
  image.writeUInt32LE(500, FIELDS.entry_count[0]);
  const found = reconstruct(readImage(image));
  assert.is(found.candidates.length, 4);
  assert.is(found.complete, false);
  assert.ok(found.candidates.every((candidate) => !candidate.proven));
});

function unsummed(image: Buffer): Buffer {
  const header = Buffer.from(image.subarray(0, 4096));
  header.writeUInt32LE(0, FIELDS.checksum[0]);
  return header;
}

/** The four bytes after which the CRC-32 of a message is the one wanted: 32 equations, one for each bit. */
function patchForCrc(message: Buffer, wanted: number): Buffer {
  const sumWith = (word: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(word >>> 0);
    return crc32([message, bytes]) >>> 0;
  };
  const base = sumWith(0);
  const words = Array.from({ length: 32 }, (_, bit) => (sumWith(2 ** bit) ^ base) >>> 0);
  const [solution] = new SubsetSums(words).solve((wanted ^ base) >>> 0, 1);
  const patched = Buffer.alloc(4);
  patched.writeUInt32LE([...(solution ?? [])].reduce((sum, bit) => sum + 2 ** bit, 0));
  return patched;
}

test('two contents that fit one checksum prove nothing, although one of them breaks a rule', () => {
  const image = imageOf('plain', 200, 1000);
  const wanted = image.readUInt32LE(FIELDS.checksum[0]);
  // the free slot behind the table, so that the checksum fits a table that has it, too
  image.writeUInt32LE(201, FIELDS.entry_count[0]);
  const live = image.subarray(4096, 4096 + 16 * 201);
  live.writeUInt32LE(77, 16 * 200);
  live.set(patchForCrc(Buffer.concat([unsummed(image), live.subarray(0, -4)]), wanted), live.length - 4);
  image.writeUInt32LE(500, FIELDS.entry_count[0]);
  const { candidates, complete } = reconstruct(readImage(image));
  assert.equal(
    candidates.map(({ keeps, proven }) => [keeps, proven]),
    [
      [200, false],
      [201, false],
    ],
  );
  assert.is(complete, true);
  assert.match(candidates[0]?.why ?? '', /2 contents fit the same checksum/);
});

test('a table beyond what is searched is said to be, and what needs no search is proven beside it', () => {
  const random = new Random(1);
  const large = (layout: 'plain' | 'redundant') =>
    truthOf({ layout, count: 2, maxEntries: 5_000_000 }, random);
  const redundant = large('redundant');
  for (const { header } of redundant.copies) header.fill(0, 0, 8);
  const found = reconstruct(readCopies(redundant.deviceBytes, redundant.copies));
  assert.is(found.complete, false);
  assert.ok(
    found.limits.some((limit) => limit.includes('4194304 entries')),
    found.limits.join(),
  );
  assert.equal([only(found).kind, only(found).proven], ['put-right', false]);
  const plain = large('plain');
  for (const { header } of plain.copies) header.fill(0, 0, 8);
  assert.is(only(reconstruct(readCopies(plain.deviceBytes, plain.copies))).proven, true);
});
