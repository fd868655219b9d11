import { matchingCounts } from '../../../src/repair/reconstruct/matching-counts.js';
import { buildHeader, buildTable } from '../../support/build-image.js';
import { checksumOf, FIELDS } from '../../support/format-numbers.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';

/** The pass over all counts against summing header and table anew for each. */

const test = suite('matching counts');

test('every count of a table is found by its checksum, and only that one', () => {
  const random = new Random(1);
  const slots = 300;
  const header = random.bytes(4096);
  const table = random.bytes(slots * 16);
  for (const count of [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 299, 300]) {
    const right = Buffer.from(header);
    right.writeUInt32LE(count, FIELDS.entry_count[0]);
    const checksum = checksumOf(right, table.subarray(0, count * 16));
    assert.equal(matchingCounts(header, table, checksum), [count]);
  }
});

test('a checksum of nothing there is found nowhere', () => {
  const random = new Random(2);
  const header = buildHeader({ magic: 'DMREMAP3', entry_count: 77 });
  for (let turn = 0; turn < 50; turn++)
    assert.equal(matchingCounts(header, random.bytes(400 * 16), random.u32()), []);
});

test('a table in memory of any alignment, and none at all', () => {
  const random = new Random(3);
  const memory = random.bytes(16 * 20 + 3);
  const table = memory.subarray(3);
  const header = buildHeader({ entry_count: 20 });
  assert.equal(matchingCounts(header, table, checksumOf(header, table)), [20]);
  const empty = buildHeader({ entry_count: 0 });
  assert.equal(matchingCounts(header, buildTable([]), checksumOf(empty, buildTable([]))), [0]);
});
