import {
  buildImage,
  DEFAULTS,
  type Entry,
  endPlace,
  headerAt,
  patch,
  patchEntry,
  patchSealed,
  seal,
} from './build-image.js';
import { fixture } from './fixtures.js';
import { crc32, FIELD_NAMES, FIELDS, HEADER_LENGTH, u32 } from './format-numbers.js';
import { assert, suite } from './harness.js';
import { judge } from './reader.js';
import { entriesOf } from './reader-rules.js';

/** The builder makes the very bytes of the golden images. */

const test = suite('build-image');

test('the checksum is that of zlib', () => {
  assert.is(crc32([Buffer.from('1234'), Buffer.from('56789')]), 0xcbf4_3926);
});

test('the fields leave no gap in the header', () => {
  let at = 0;
  for (const name of FIELD_NAMES) {
    assert.is(FIELDS[name][0], at, name);
    at += FIELDS[name][1];
  }
  assert.is(at, HEADER_LENGTH);
});

/** The entries of a golden image in the order in which they lie. */
function entriesIn(image: Buffer): Entry[] {
  const count = u32(headerAt(image, 0), 'entry_count');
  return entriesOf(image.subarray(4096, 4096 + count * 16)).map(({ main, spare }) => [main, spare]);
}

test('builds the redundant golden images', () => {
  for (const name of ['redundant-empty', 'redundant-some', 'redundant-full', 'dirty', 'role-retired']) {
    const golden = fixture(name);
    const retired = name === 'role-retired';
    const built = buildImage({
      layout: 'redundant',
      sectors: golden.length / 512,
      entries: entriesIn(golden),
      state: name === 'dirty' ? 1 : 0,
      role: retired ? 2 : 0,
      fields: retired
        ? { peer_uuid: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'), peer_generation: 3 }
        : {},
    });
    assert.equal(metadata(built), metadata(golden), name);
  }
});

test('builds the plain golden image', () => {
  const golden = fixture('plain-some');
  const built = buildImage({ layout: 'plain', sectors: 2048, maxEntries: 600, entries: entriesIn(golden) });
  assert.equal(built.subarray(0, 4096 + 9600), golden.subarray(0, 4096 + 9600));
});

/** Both copies' headers and live tables, without the data between them. */
function metadata(image: Buffer): Buffer {
  const end = endPlace(image);
  const live = u32(headerAt(image, 0), 'entry_count') * 16;
  const table = end - 16_384;
  return Buffer.concat([
    image.subarray(0, 4096 + live),
    image.subarray(table, table + live),
    headerAt(image, end),
  ]);
}

test('patches break a copy, and a seal mends it', () => {
  const image = buildImage({ layout: 'redundant', sectors: 2051, entries: [[5, 100]] });
  const verdicts = () => {
    const { n, p, y } = judge(image, { mainSectors: DEFAULTS.mainSectors });
    return [n, p, y];
  };
  assert.equal(verdicts(), [0, 0, 0]);
  patch(image, 'backup', 'last_update_time', 7n);
  assert.equal(verdicts(), [4, 1, 1]);
  seal(image, 'backup');
  assert.equal(verdicts(), [4, 4, 4]);
  patchSealed(image, 'primary', 'last_update_time', 7);
  assert.equal(verdicts(), [0, 0, 0]);
  patchEntry(image, 'both', 0, [5, 3]);
  seal(image, 'both');
  assert.equal(verdicts(), [4, 4, 4]);
});

test('a tail is added beyond the device', () => {
  const spec = { layout: 'redundant', sectors: 2048, entries: [[5, 100]] } as const;
  assert.is(judge(buildImage({ ...spec, tailBytes: Buffer.alloc(512 * 64) })).p, 1);
  assert.is(judge(buildImage({ ...spec, tailBytes: Buffer.alloc(512 * 64, 1) })).p, 4);
  assert.is(judge(buildImage({ ...spec, tailBytes: Buffer.alloc(512 * 64, 1) })).y, 1);
});
