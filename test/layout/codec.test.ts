import fc from 'fast-check';
import {
  decode,
  differingFields,
  encodeInto,
  fromHex,
  nonZeroReserved,
  toHex,
} from '../../src/layout/codec.js';
import { defineLayout } from '../../src/layout/layout.js';
import { assert, suite } from '../support/harness.js';

/** Bytes and values of a layout of its own, with every kind of field, whose bytes are written out here. */

const test = suite('codec');
const RUNS = { seed: 20_231_001, numRuns: 300 };

const SAMPLE = defineLayout('sample', 60, [
  { name: 'tag', offset: 0, size: 4, kind: 'ascii', meaning: 'four characters' },
  { name: 'small', offset: 4, size: 4, kind: 'u32', meaning: 'a number' },
  { name: 'gap', offset: 8, size: 4, kind: 'zero', meaning: 'nothing' },
  { name: 'large', offset: 12, size: 8, kind: 'u64', meaning: 'a number' },
  { name: 'id', offset: 20, size: 16, kind: 'uuid', meaning: 'an identity' },
  { name: 'text', offset: 36, size: 16, kind: 'text', meaning: 'a name' },
  { name: 'rest', offset: 52, size: 8, kind: 'zero', meaning: 'nothing' },
]);

const BYTES =
  '41420043' +
  '78563412' +
  '00000000' +
  '8877665544332211' +
  '000102030405060708090a0b0c0d0e0f' +
  '6772c3bcc39f650000000000000000000' +
  '0'.repeat(15);

const VALUES = {
  tag: 'AB\0C',
  small: 0x12345678,
  large: 0x1122334455667788n,
  id: '00010203-0405-0607-0809-0a0b0c0d0e0f',
  text: 'grüße',
};

test('values become the bytes written out, and back', () => {
  const block = new Uint8Array(60);
  encodeInto(SAMPLE, VALUES, block);
  assert.is(Buffer.from(block).toString('hex'), BYTES);
  assert.equal(decode(SAMPLE, Buffer.from(BYTES, 'hex')), VALUES);
});

test('only the given fields are written', () => {
  const block = new Uint8Array(60).fill(0xee);
  encodeInto(SAMPLE, { small: 1 }, block);
  const expected = Buffer.alloc(60, 0xee);
  expected.writeUInt32LE(1, 4);
  assert.equal(block, new Uint8Array(expected));
});

test('a block in the midst of a larger one is read at its own place', () => {
  const large = Buffer.concat([Buffer.alloc(7, 0xff), Buffer.from(BYTES, 'hex'), Buffer.alloc(9, 0xff)]);
  assert.equal(decode(SAMPLE, large.subarray(7)), VALUES);
});

test('any bytes at all decode, and encode to the same bytes', () => {
  const property = fc.property(fc.uint8Array({ minLength: 60, maxLength: 60 }), (bytes) => {
    const back = new Uint8Array(bytes).fill(0, 0, 8).fill(0, 12, 52);
    encodeInto(SAMPLE, decode(SAMPLE, bytes), back);
    assert.equal(back, bytes);
  });
  fc.assert(property, RUNS);
});

test('only missing bytes are refused', () => {
  assert.throws(() => decode(SAMPLE, new Uint8Array(59)), /sample needs 60 bytes, not 59/);
  assert.is(decode(SAMPLE, new Uint8Array(61)).small, 0);
});

test('text that would not come back is given as its bytes', () => {
  const decoded = (hex: string) => decode(SAMPLE, Buffer.from(BYTES, 'hex').fill(hex, 36, 52, 'hex')).text;
  const padded = (hex: string) => hex.padEnd(32, '0');
  assert.is(decoded('00'), '');
  assert.is(decoded(padded('6162')), 'ab');
  assert.is(decoded(padded('61ff')), `hex:${padded('61ff')}`);
  assert.is(decoded(padded('610062')), `hex:${padded('610062')}`);
  // what looks like our own escape is escaped, or two values would have one text
  assert.is(decoded(padded(Buffer.from('hex:61').toString('hex'))), `hex:${padded('6865783a3631')}`);
  assert.is(decoded(padded('efbbbf61')), `hex:${padded('efbbbf61')}`);
});

test('values that do not fit are refused with the name of the field', () => {
  const block = new Uint8Array(60);
  for (const small of [-1, 2 ** 32, 0.5, Number.NaN])
    assert.throws(() => encodeInto(SAMPLE, { small }, block), /small does not fit 32 bits/);
  for (const large of [-1n, 1n << 64n])
    assert.throws(() => encodeInto(SAMPLE, { large }, block), /large does not fit 64 bits/);
  assert.throws(() => encodeInto(SAMPLE, { text: 'ü'.repeat(9) }, block), /longer than 16 bytes/);
  assert.throws(() => encodeInto(SAMPLE, { id: '00' }, block), /not a UUID/);
  assert.throws(() => encodeInto(SAMPLE, { id: 'no uuid' }, block), /not hexadecimal/);
  assert.equal(block, new Uint8Array(60));
});

test('hexadecimal text', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.is(toHex(bytes), Buffer.from(bytes).toString('hex'));
      assert.equal(fromHex(toHex(bytes)), bytes);
    }),
    RUNS,
  );
  for (const wrong of ['0', '0g', ' 00', '00\n']) assert.throws(() => fromHex(wrong), /not hexadecimal/);
});

test('what differs is named field by field', () => {
  const block = Buffer.from(BYTES, 'hex');
  const names = (at: readonly number[]) => {
    const other = Buffer.from(block);
    for (const byte of at) other[byte] = (other[byte] ?? 0) ^ 0x40;
    return differingFields(SAMPLE, block, other).map(({ name }) => name);
  };
  assert.equal(names([]), []);
  assert.equal(names([0, 3]), ['tag']);
  assert.equal(names([11, 12, 59]), ['gap', 'large', 'rest']);
});

test('reserved bytes that are not zero are counted from the first', () => {
  const block = Buffer.from(BYTES, 'hex');
  assert.equal(nonZeroReserved(SAMPLE, block), []);
  block[9] = 1;
  block[59] = 2;
  block[53] = 3;
  const found = nonZeroReserved(SAMPLE, block).map(({ field, byte, count }) => [field.name, byte, count]);
  assert.equal(found, [
    ['gap', 9, 1],
    ['rest', 53, 2],
  ]);
});
