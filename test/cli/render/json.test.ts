import fc from 'fast-check';
import { JsonList, jsonPieces, stringifyJson } from '../../../src/cli/render/json.js';
import { assert, suite } from '../../support/harness.js';

const test = suite('render/json');

test('values without bigint are written as JSON.stringify writes them', () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (document) => {
      const expected = JSON.stringify(document, null, 2);
      assert.is(stringifyJson(document as never), expected);
      if (typeof document === 'object' && document !== null) {
        assert.is([...jsonPieces(document as never)].join(''), `${expected}\n`);
      }
    }),
  );
});

test('bigints are exact integers, at any depth', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 70n), 2n ** 70n), (number) => {
      const text = [...jsonPieces({ a: [{ b: { c: [number] } }], d: number })].join('');
      assert.is(text.match(new RegExp(`${number}(?!\\d)`, 'g'))?.length, 2);
    }),
  );
  assert.is(stringifyJson({ a: 2n ** 64n - 1n }), '{\n  "a": 18446744073709551615\n}');
});

test('undefined members are left out', () => {
  assert.is(stringifyJson({ a: undefined, b: { c: undefined } }), '{\n  "b": {}\n}');
});

test('what JSON cannot hold is refused', () => {
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => stringifyJson([number]), 'cannot be written as JSON');
  }
});

test('a list that is made as it is written reads as an array, at any depth, and is not held', () => {
  const expected = { a: [1, 'x', { b: [2] }], none: [], c: { d: { e: [3] } } };
  const document = {
    a: new JsonList([1, 'x', { b: [2] }]),
    none: new JsonList([]),
    c: { d: { e: new JsonList([3]) } },
  };
  assert.is([...jsonPieces(document)].join(''), `${JSON.stringify(expected, null, 2)}\n`);
  let made = 0;
  const endless = (function* () {
    for (;;) yield made++;
  })();
  jsonPieces({ endless: new JsonList(endless) }).next();
  assert.ok(made < 20_000);
});

test('a long document comes in pieces of bounded size', () => {
  const rows = Array.from({ length: 20_000 }, (_, row) => ({ row, text: 'x'.repeat(50) }));
  const pieces = [...jsonPieces({ rows })];
  assert.ok(pieces.length > 20);
  assert.ok(Math.max(...pieces.map((piece) => piece.length)) < 70_000);
  assert.equal(JSON.parse(pieces.join('')), { rows });
});
