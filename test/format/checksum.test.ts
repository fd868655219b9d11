import fc from 'fast-check';
import { checksumOf, extendCrc, headerCrc, joinCrcs, metadataChecksum } from '../../src/format/checksum.js';
import { buildHeader, buildTable } from '../support/build-image.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { checksumOf as expectedChecksum, u32 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { bitwiseCrc, bytesThatGive } from './bitwise-crc.js';

/** The checksum of section 3 against one that is computed bit by bit. */

const test = suite('checksum');
const RUNS = { seed: 20_231_003, numRuns: 200 };

test('the value that format.md names', () => {
  const digits = Buffer.from('123456789');
  assert.is(extendCrc(0, digits), 0xcbf4_3926);
  assert.is(bitwiseCrc(digits), 0xcbf4_3926);
  assert.is(extendCrc(0, new Uint8Array(0)), 0);
  assert.is(extendCrc(0xcbf4_3926, new Uint8Array(0)), 0xcbf4_3926);
});

test('split at every point, the sum is the same', () => {
  const message = new Random(1).bytes(300);
  const whole = bitwiseCrc(message);
  for (let cut = 0; cut <= message.length; cut++)
    assert.is(
      extendCrc(extendCrc(0, message.subarray(0, cut)), message.subarray(cut)),
      whole,
      `cut at ${cut}`,
    );
});

test('random messages in random pieces', () => {
  const property = fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (pieces) => {
    assert.is(
      pieces.reduce((crc, piece) => extendCrc(crc, piece), 0),
      bitwiseCrc(...pieces),
    );
  });
  fc.assert(property, RUNS);
});

test('a message whose running sum is 0 goes on rightly', () => {
  const random = new Random(2);
  for (let round = 0; round < 50; round++) {
    const start = random.bytes(random.below(64));
    const zeroSum = Buffer.concat([start, bytesThatGive(0, start)]);
    assert.is(bitwiseCrc(zeroSum), 0);
    assert.is(extendCrc(0, zeroSum), 0);
    const rest = random.bytes(random.below(64));
    assert.is(extendCrc(extendCrc(0, zeroSum), rest), bitwiseCrc(zeroSum, rest));
    // and a register that is 0 in the midst, which is a CRC of 0xffffffff
    const zeroRegister = Buffer.concat([start, bytesThatGive(0xffff_ffff, start)]);
    assert.is(extendCrc(extendCrc(0, zeroRegister), rest), bitwiseCrc(zeroRegister, rest));
  }
});

test('header and entries together, whatever stands in the checksum field', () => {
  const entry = fc.tuple(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  const headers = fc.uint8Array({ minLength: 4096, maxLength: 4096 });
  const property = fc.property(headers, fc.array(entry, { maxLength: 40 }), (block, entries) => {
    const table = buildTable(entries);
    const bare = Buffer.from(block).fill(0, 12, 16);
    const expected = bitwiseCrc(bare, table);
    const before = Buffer.from(block);
    assert.is(headerCrc(block), bitwiseCrc(bare));
    assert.is(checksumOf(block, table), expected);
    assert.is(metadataChecksum(block, bitwiseCrc(table), table.length), expected);
    assert.is(expectedChecksum(Buffer.from(block), table), expected);
    assert.equal(Buffer.from(block), before, 'the header was changed');
  });
  fc.assert(property, { ...RUNS, numRuns: 40 });
});

test('a header whose own sum is 0 is followed by entries', () => {
  const header = buildHeader({ magic: 'DMREMAP3', version: 1, entry_count: 3 });
  bytesThatGive(0, header.subarray(0, 4092)).forEach((byte, index) => {
    header[4092 + index] = byte;
  });
  const table = buildTable([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  assert.is(headerCrc(header), 0);
  assert.is(checksumOf(header, table), bitwiseCrc(header, table));
});

test('the sum of two blocks on end follows from those of each', () => {
  const block = new Random(5).bytes(3000);
  for (const first of [0, 1, 511, 2999, 3000]) {
    const [one, other] = [block.subarray(0, first), block.subarray(first)];
    assert.is(joinCrcs(bitwiseCrc(one), bitwiseCrc(other), other.length), bitwiseCrc(block), `${first}`);
  }
});

test('a block that lies in a larger one is summed alone', () => {
  const large = new Random(3).bytes(9000);
  const header = large.subarray(1000, 1000 + 4096);
  const bare = Buffer.from(header).fill(0, 12, 16);
  assert.is(headerCrc(header), bitwiseCrc(bare));
  assert.is(headerCrc(large.subarray(1000)), bitwiseCrc(bare), 'only 4096 bytes count');
});

test('the golden images that are whole have this checksum', () => {
  const damaged = /flip|blocks|torn|zero|count|tiny|foreign|module/;
  const names = fixtureNames().filter((name) => !damaged.test(name));
  assert.ok(names.length > 12);
  for (const name of names) {
    const image = fixture(name);
    const live = image.subarray(4096, 4096 + 16 * u32(image.subarray(0, 4096), 'entry_count'));
    assert.is(checksumOf(image.subarray(0, 4096), live), image.readUInt32LE(12), name);
  }
});
