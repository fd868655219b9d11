import fc from 'fast-check';
import { crcAfterReplacing, crcWithoutTail } from '../../src/format/table-crc.js';
import { assert, suite } from '../support/harness.js';
import { bitwiseCrc } from './bitwise-crc.js';

/** The sum of a changed table from the sum of the old one is the sum of the whole, taken bit by bit. */

const test = suite('table crc');
const RUNS = { seed: 20_231_004, numRuns: 300 };

const pieces = (most: number) => fc.uint8Array({ minLength: 0, maxLength: most });

test('bytes replaced by as many others', () => {
  const property = fc.property(
    pieces(90),
    pieces(40),
    pieces(90),
    fc.infiniteStream(fc.nat(255)),
    (a, b, c, more) => {
      const other = Uint8Array.from(b, () => more.next().value ?? 0);
      const crc = crcAfterReplacing(bitwiseCrc(a, b, c), b, other, c.length);
      assert.is(crc, bitwiseCrc(a, other, c));
    },
  );
  fc.assert(property, RUNS);
  assert.throws(
    () => crcAfterReplacing(0, new Uint8Array(2), new Uint8Array(3), 0),
    /3 bytes in the place of 2/,
  );
});

test('the last bytes dropped', () => {
  const property = fc.property(pieces(90), pieces(90), (kept, tail) => {
    assert.is(crcWithoutTail(bitwiseCrc(kept, tail), tail), bitwiseCrc(kept));
  });
  fc.assert(property, RUNS);
});
