import fc from 'fast-check';
import {
  decodeHeader,
  encodeHeader,
  type Header,
  hasExtension,
  isRedundant,
  roleName,
  stateName,
} from '../../src/format/header.js';
import { buildHeader, type Fields } from '../support/build-image.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { FIELD_NAMES, FIELDS, type FieldValue, u32, u64 } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** Headers by the hand-written builder of the tests and by the golden images, against encoder and decoder. */

const test = suite('header');
const RUNS = { seed: 20_231_002, numRuns: 400 };

const u32s = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 1, 0x8000_0000, 0xffff_ffff),
);
const u64s = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 64n - 1n),
);
const texts = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .filter((text) => Buffer.byteLength(text) <= 64 && !/^hex:|\0|^\ufeff/.test(text));

const UUIDS: ReadonlySet<string> = new Set(['set_uuid', 'spare_uuid', 'peer_uuid']);
const NAMED = FIELD_NAMES.filter((name) => !name.startsWith('reserved_'));

/** For each field what the builder puts down and what the decoder has to say. */
const anyFields = fc.record(
  Object.fromEntries(NAMED.map((name) => [name, pairFor(name, FIELDS[name][1], FIELDS[name][2])])),
) as fc.Arbitrary<Record<string, Pair>>;

interface Pair {
  readonly put: FieldValue;
  readonly value: string | number | bigint;
}

function pairFor(name: string, length: number, kind: string): fc.Arbitrary<Pair> {
  if (kind === 'u32') return u32s.map((value) => ({ put: value, value }));
  if (kind === 'u64') return u64s.map((value) => ({ put: value, value }));
  if (name === 'main_id') return texts.map((text) => ({ put: text, value: text }));
  const bytes = fc.uint8Array({ minLength: length, maxLength: length });
  return bytes.map((put) => ({ put, value: UUIDS.has(name) ? uuidText(put) : latin1(put) }));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const side = (pairs: Record<string, Pair>, which: 'put' | 'value') =>
  Object.fromEntries(Object.entries(pairs).map(([name, pair]) => [name, pair[which]]));

test('random fields give the bytes of the independent builder, and come back', () => {
  const property = fc.property(anyFields, (pairs) => {
    const expected = buildHeader(side(pairs, 'put') as Fields);
    const values = side(pairs, 'value') as unknown as Header;
    assert.equal(encodeHeader(values), new Uint8Array(expected));
    assert.equal(decodeHeader(expected), values);
  });
  fc.assert(property, RUNS);
});

test('what is written over a header keeps everything else, reserved bytes too', () => {
  const property = fc.property(
    fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
    u32s,
    (base, generation) => {
      const expected = Buffer.from(base);
      expected.writeUInt32LE(generation, 60);
      const before = Buffer.from(base);
      assert.equal(encodeHeader({ generation }, base), new Uint8Array(expected));
      assert.equal(Buffer.from(base), before, 'the base was changed');
    },
  );
  fc.assert(property, { ...RUNS, numRuns: 50 });
});

/** Every 4 KiB block of the golden images that has our magic. */
const goldenHeaders = fixtureNames().flatMap((name) => {
  const image = fixture(name);
  const found: [name: string, header: Buffer][] = [];
  for (let at = 0; at + 4096 <= image.length; at += 4096)
    if (image.toString('latin1', at, at + 8) === 'DMREMAP3')
      found.push([`${name} at byte ${at}`, image.subarray(at, at + 4096)]);
  return found;
});

test('golden headers decode to their fields and encode to their bytes', () => {
  assert.ok(goldenHeaders.length > 40, `${goldenHeaders.length} headers`);
  for (const [name, block] of goldenHeaders) {
    const header = decodeHeader(block);
    const reserved = Buffer.from(block).fill(0, 0, 72).fill(0, 128, 360);
    assert.equal(encodeHeader(header, reserved), new Uint8Array(block), name);
    assert.is(header.generation, u32(block, 'generation'), name);
    assert.is(header.spare_device_size, u64(block, 'spare_device_size'), name);
    assert.is(header.set_uuid, uuidText(block.subarray(192, 208)), name);
  }
});

test('a header without a byte is refused, and nothing else is', () => {
  assert.throws(() => decodeHeader(new Uint8Array(4095)), /4096 bytes, not 4095/);
  assert.is(decodeHeader(new Uint8Array(4096)).magic, '\0'.repeat(8));
});

test('the extension makes a header redundant, the flag alone does not', () => {
  const header = (fields: Fields) => decodeHeader(buildHeader(fields));
  const ask = (fields: Fields) => [hasExtension(header(fields)), isRedundant(header(fields))];
  assert.equal(ask({ ro_compat_flags: 1 }), [false, false]);
  assert.equal(ask({ ext_magic: 'DMR3EXT1' }), [true, false]);
  assert.equal(ask({ ext_magic: 'DMR3EXT1', ro_compat_flags: 2 }), [true, false]);
  assert.equal(ask({ ext_magic: 'DMR3EXT1', ro_compat_flags: 3 }), [true, true]);
  assert.equal(ask({ ext_magic: 'DMR3EXT2', ro_compat_flags: 1 }), [false, false]);
});

test('states and roles have names', () => {
  assert.equal([0, 1, 2, 3, 4].map(stateName), ['clean', 'dirty', 'writing', 'error', 'unknown (4)']);
  assert.equal([0, 1, 2, 3].map(roleName), ['active', 'migration target', 'retired', 'unknown (3)']);
});
