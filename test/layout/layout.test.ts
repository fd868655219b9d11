import { ENTRY } from '../../src/format/entry.js';
import { HEADER } from '../../src/format/header.js';
import { defineLayout, fieldAt, fieldNamed } from '../../src/layout/layout.js';
import { FIELD_NAMES, FIELDS } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';

/** A layout that does not add up cannot be declared, and ours are those of format.md. */

const test = suite('layout');

const field = (offset: number, size: number, kind: 'u32' | 'u64' | 'uuid' | 'zero' = 'zero') => ({
  name: `at_${offset}`,
  offset,
  size,
  kind,
  meaning: 'for a test',
});

test('a gap, an overlap, a wrong size and a wrong total are refused', () => {
  assert.throws(() => defineLayout('gap', 12, [field(0, 4), field(8, 4)]), /gap\.at_8 is at 8, not 4/);
  assert.throws(
    () => defineLayout('overlap', 12, [field(0, 8), field(4, 8)]),
    /overlap\.at_4 is at 4, not 8/,
  );
  assert.throws(() => defineLayout('short', 12, [field(0, 8)]), /short has 8 bytes, not 12/);
  assert.throws(() => defineLayout('late', 4, [field(4, 4)]), /late\.at_4 is at 4, not 0/);
  assert.throws(() => defineLayout('narrow', 4, [field(0, 4, 'u64')]), /4 bytes long, not 8/);
  assert.throws(() => defineLayout('wide', 8, [field(0, 8, 'u32')]), /8 bytes long, not 4/);
  assert.throws(() => defineLayout('uuid', 8, [field(0, 8, 'uuid')]), /8 bytes long, not 16/);
  assert.is(defineLayout('right', 12, [field(0, 4, 'u32'), field(4, 8, 'u64')]).fields.length, 2);
});

test('every byte of the header belongs to the field of format.md', () => {
  const reserved: Readonly<Record<string, string>> = {
    reserved_front: 'reserved_72',
    reserved_back: 'reserved_360',
  };
  const expected = FIELD_NAMES.map((name) => {
    const [offset, size] = FIELDS[name];
    return { name: reserved[name] ?? name, offset, size };
  });
  assert.equal(
    HEADER.fields.map(({ name, offset, size }) => ({ name, offset, size })),
    expected,
  );
  for (const { name, offset, size } of expected) {
    assert.is(fieldAt(HEADER, offset)?.name, name);
    assert.is(fieldAt(HEADER, offset + size - 1)?.name, name);
  }
  assert.is(fieldAt(HEADER, 4096), undefined);
  assert.is(fieldAt(HEADER, -1), undefined);
});

test('an entry is two sector numbers', () => {
  assert.equal(
    ENTRY.fields.map(({ name, offset, size, kind }) => [name, offset, size, kind]),
    [
      ['main_sector', 0, 8, 'u64'],
      ['spare_sector', 8, 8, 'u64'],
    ],
  );
});

test('every field says what it means', () => {
  for (const layout of [HEADER, ENTRY])
    for (const { name, meaning } of layout.fields) assert.ok(meaning.length > 3, `${layout.name}.${name}`);
});

test('a name that does not exist is the programmer’s mistake', () => {
  assert.is(fieldNamed(HEADER, 'generation').offset, 60);
  assert.throws(() => fieldNamed(HEADER, 'generations'), /header has no field generations/);
});
