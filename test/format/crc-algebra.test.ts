import fc from 'fast-check';
import { multiply, POLYNOMIAL, powerOfX, shiftCrc } from '../../src/format/crc-algebra.js';
import { assert, suite } from '../support/harness.js';
import { bitwiseCrc } from './bitwise-crc.js';

/** The algebra behind the checksum obeys the laws of its field, and says what appending bytes does. */

const test = suite('crc algebra');
const RUNS = { seed: 20_231_004, numRuns: 300 };

const ONE = 0x8000_0000;
const X = 0x4000_0000;
const elements = fc.integer({ min: 0, max: 0xffff_ffff });
const counts = fc.integer({ min: 0, max: 2 ** 36 });

test('a field: one, zero, order, brackets, sums', () => {
  const property = fc.property(elements, elements, elements, (a, b, c) => {
    assert.is(multiply(a, ONE), a);
    assert.is(multiply(a, 0), 0);
    assert.is(multiply(a, b), multiply(b, a));
    assert.is(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
    assert.is(multiply(a, (b ^ c) >>> 0), (multiply(a, b) ^ multiply(a, c)) >>> 0);
  });
  fc.assert(property, RUNS);
});

test('multiplying by x is one step of the shift register', () => {
  const property = fc.property(elements, (a) => {
    assert.is(multiply(a, X), ((a >>> 1) ^ (a & 1 ? POLYNOMIAL : 0)) >>> 0);
  });
  fc.assert(property, RUNS);
  let power = ONE;
  for (let exponent = 0; exponent < 200; exponent++) {
    assert.is(powerOfX(exponent), power, `x^${exponent}`);
    power = multiply(power, X);
  }
});

test('powers add up, and negative ones are inverses', () => {
  const property = fc.property(counts, counts, (a, b) => {
    assert.is(multiply(powerOfX(a), powerOfX(b)), powerOfX(a + b));
    assert.is(multiply(powerOfX(a), powerOfX(-a)), ONE);
    assert.is(multiply(powerOfX(-a), powerOfX(-b)), powerOfX(-a - b));
  });
  fc.assert(property, RUNS);
});

test('x has the order 2^32 - 1 and no smaller one', () => {
  const order = 2 ** 32 - 1;
  assert.is(powerOfX(order), ONE);
  assert.is(powerOfX(0), ONE);
  for (const prime of [3, 5, 17, 257, 65_537])
    assert.is.not(powerOfX(order / prime), ONE, `order / ${prime}`);
});

test('a shift is what appending zero bytes does', () => {
  const messages = fc.uint8Array({ maxLength: 64 });
  const property = fc.property(messages, fc.integer({ min: 0, max: 3000 }), (message, count) => {
    const zeros = new Uint8Array(count);
    const expected = (bitwiseCrc(message, zeros) ^ bitwiseCrc(zeros)) >>> 0;
    assert.is(shiftCrc(bitwiseCrc(message), count), expected);
  });
  fc.assert(property, { ...RUNS, numRuns: 100 });
});

test('a shift and a second sum are the sum of both messages', () => {
  const messages = fc.uint8Array({ maxLength: 300 });
  const property = fc.property(messages, messages, (one, other) => {
    const joined = shiftCrc(bitwiseCrc(one), other.length) ^ bitwiseCrc(other);
    assert.is(joined >>> 0, bitwiseCrc(one, other));
  });
  fc.assert(property, { ...RUNS, numRuns: 100 });
});

test('shifts of lengths that no memory holds add up', () => {
  const property = fc.property(elements, counts, counts, (crc, a, b) => {
    assert.is(shiftCrc(shiftCrc(crc, a), b), shiftCrc(crc, a + b));
    assert.is(shiftCrc(crc, 0), crc);
  });
  fc.assert(property, RUNS);
});
