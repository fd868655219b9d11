import fc from 'fast-check';
import { DmremapError } from '../../src/errors.js';
import { parseCount, parseSectors, parseSize } from '../../src/exchange/quantities.js';
import { assert, suite } from '../support/harness.js';

const test = suite('sizes, counts and sectors');

/** The code of the error that is thrown, or what is returned. */
function outcome(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    assert.instance(error, DmremapError);
    return (error as DmremapError).code;
  }
}

const FACTORS = {
  '': 1n,
  s: 512n,
  K: 2n ** 10n,
  M: 2n ** 20n,
  G: 2n ** 30n,
  T: 2n ** 40n,
  P: 2n ** 50n,
} as const;
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

test('a size is its number times its unit, exactly, or a usage error', () => {
  const suffixes = fc.constantFrom(...(Object.keys(FACTORS) as (keyof typeof FACTORS)[]));
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n), suffixes, fc.boolean(), (number, suffix, isLower) => {
      const exact = number * FACTORS[suffix];
      const text = `${number}${isLower ? suffix.toLowerCase() : suffix}`;
      assert.is(
        outcome(() => BigInt(parseSize(text))),
        exact <= LARGEST ? exact : 'usage',
      );
    }),
  );
});

test('what is not a size', () => {
  for (const text of [
    '',
    ' ',
    '-1',
    '+1',
    '1.5G',
    '1 K',
    'K',
    '1KB',
    '1KiB',
    '0x10',
    '1S',
    '1E',
    '١',
    '1_000',
    'NaN',
  ]) {
    assert.is(
      outcome(() => parseSize(text)),
      'usage',
      text,
    );
  }
  assert.is(parseSize('8s'), 4096);
  assert.is(parseSize('007'), 7);
});

test('a sector range keeps its ends', () => {
  const sector = fc.bigInt(0n, 2n ** 44n - 2n ** 10n);
  fc.assert(
    fc.property(sector, fc.bigInt(1n, 2n ** 10n), (first, count) => {
      const range = { first: Number(first), count: Number(count) };
      assert.equal(parseSectors(`${first}+${count}`), range);
      assert.equal(parseSectors(`${first}-${first + count - 1n}`), range);
      assert.equal(parseSectors(`${first}`), { first: range.first, count: 1 });
    }),
  );
});

test('any text is a range within bounds or a usage error, and nothing else', () => {
  const near = fc.stringMatching(/^[0-9+\- sx]{0,24}$/);
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      const result = outcome(() => parseSectors(text));
      if (result !== 'usage') {
        const { first, count } = result as { first: number; count: number };
        assert.ok(Number.isSafeInteger(first * 512) && count >= 1);
        assert.ok(Number.isSafeInteger((first + count) * 512));
      }
    }),
  );
});

test('what is not a range', () => {
  for (const text of [
    '',
    '1-',
    '-1',
    '+1',
    '5-4',
    '5+0',
    '1-2-3',
    '1,2',
    ' 1',
    '0x1',
    '99999999999999999999',
  ]) {
    assert.is(
      outcome(() => parseSectors(text)),
      'usage',
      text,
    );
  }
  assert.is(
    outcome(() => parseSectors(`${2n ** 64n}-${2n ** 64n}`)),
    'usage',
  );
});

test('counts are whole and have a least value', () => {
  assert.is(parseCount('0'), 0);
  assert.is(parseCount(String(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
  for (const [text, least] of [
    ['0', 1],
    ['9007199254740992', 0],
    ['1.0', 0],
    ['', 0],
    ['-1', 0],
  ] as const) {
    assert.is(
      outcome(() => parseCount(text, least)),
      'usage',
      text,
    );
  }
});
