import { powerOfX } from '../../../src/format/crc-algebra.js';
import { flippedBit, logarithm, weightOf } from '../../../src/repair/reconstruct/flipped-bit.js';
import { crc32 } from '../../support/format-numbers.js';
import { assert, suite } from '../../support/harness.js';
import { Random } from '../../support/random.js';

/** The syndrome names the bit: against flipping every bit, and in messages as long as they get. */

const test = suite('flipped bit');

test('the logarithm of a power is its exponent', () => {
  const random = new Random(1);
  const edges = [0, 1, 31, 32, 2 ** 31, 2 ** 32 - 2];
  for (const exponent of [...edges, ...Array.from({ length: 300 }, () => random.below(2 ** 32 - 1))])
    assert.is(logarithm(powerOfX(exponent)), exponent);
});

test('every bit of a message is found', () => {
  const message = new Random(2).bytes(70);
  const right = crc32([message]);
  for (let place = 0; place < 8 * message.length; place++) {
    const [byte, bit] = [Math.floor(place / 8), place % 8];
    message[byte] = (message[byte] ?? 0) ^ (1 << bit);
    const syndrome = (right ^ crc32([message])) >>> 0;
    assert.equal(flippedBit(syndrome, message.length), { in: 'message', byte, bit });
    assert.is(weightOf(byte, bit, message.length), syndrome);
    message[byte] = (message[byte] ?? 0) ^ (1 << bit);
  }
});

test('every bit of the checksum is found', () => {
  for (let bit = 0; bit < 32; bit++)
    assert.equal(flippedBit((1 << bit) >>> 0, 5000), { in: 'checksum', bit });
});

test('bits of the longest table are found', () => {
  const random = new Random(3);
  const length = 4096 + 33_554_175 * 16;
  for (let turn = 0; turn < 100; turn++) {
    const [byte, bit] = [random.below(length), random.below(8)];
    assert.equal(flippedBit(weightOf(byte, bit, length), length), { in: 'message', byte, bit });
  }
  assert.equal(flippedBit(weightOf(0, 0, length), length), { in: 'message', byte: 0, bit: 0 });
});

test('a bit before the beginning of the message is none of it', () => {
  const random = new Random(4);
  for (let turn = 0; turn < 100; turn++) {
    const syndrome = weightOf(random.below(3000), random.below(8), 4000);
    assert.is(flippedBit(syndrome, 1000), undefined);
  }
});

test('two flipped bits within the bounds of a proof never look like one', () => {
  const random = new Random(5);
  const length = 4096 + 459 * 16;
  for (let turn = 0; turn < 20_000; turn++) {
    const [one, other] = random.distinct(2, 0, 8 * length - 1);
    const weight = (place = 0) => weightOf(Math.floor(place / 8), place % 8, length);
    assert.is(flippedBit((weight(one) ^ weight(other)) >>> 0, length), undefined);
  }
});
