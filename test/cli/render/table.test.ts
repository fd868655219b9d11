import fc from 'fast-check';
import { type Cell, gridText, keyValueTable } from '../../../src/cli/render/table.js';
import { displayWidth } from '../../../src/cli/render/text.js';
import type { Terminal } from '../../../src/cli/terminal.js';
import { assert, suite } from '../../support/harness.js';

const test = suite('render/table');

function terminal(width: number, overrides: Partial<Terminal> = {}): Terminal {
  return { width, unicode: true, color: false, live: false, ...overrides };
}

const word = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ maxLength: 90 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom(
    '/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0123456-part1',
    '磁盘',
    '\u001b[31mred\nline\ttab',
  ),
);
const cell: fc.Arbitrary<Cell> = fc.oneof(
  word,
  word.map((text) => ({ text, style: 'red' as const })),
);
const width = fc.integer({ min: 40, max: 120 });

const table = fc.integer({ min: 1, max: 9 }).chain((columns) =>
  fc.record({
    head: fc.array(word, { minLength: columns, maxLength: columns }),
    rows: fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { maxLength: 6 }),
  }),
);

const SGR = /\p{Cc}\[\d+m/gu;

function widest(text: string): number {
  return Math.max(0, ...text.split('\n').map((line) => displayWidth(line.replace(SGR, ''))));
}

test('no line is wider than the terminal, for any text, at 40 to 120 columns', () => {
  fc.assert(
    fc.property(width, table, fc.boolean(), fc.boolean(), (columns, { head, rows }, unicode, color) => {
      const screen = terminal(columns, { unicode, color });
      assert.ok(widest(gridText(head, rows, screen)) <= columns);
      const pairs = rows.map(
        (row) => [typeof row[0] === 'string' ? row[0] : 'key', row.at(-1) ?? ''] as const,
      );
      assert.ok(widest(keyValueTable(pairs, screen)) <= columns);
    }),
    { numRuns: 400 },
  );
});

test('in ASCII mode there is nothing but ASCII, and no control character in any mode', () => {
  fc.assert(
    fc.property(width, table, fc.boolean(), (columns, { head, rows }, unicode) => {
      const text = gridText(head, rows, terminal(columns, { unicode }));
      assert.match(text, unicode ? /^(?:\n|\P{Cc})*$/u : /^[\n\x20-\x7e]*$/);
    }),
  );
});

test('nothing of plain text is lost, however narrow', () => {
  const text = fc.stringMatching(/^[a-z]{1,60}$/);
  fc.assert(
    fc.property(width, fc.array(fc.tuple(text, text, text), { maxLength: 4 }), (columns, rows) => {
      const shown = gridText(['a', 'b', 'c'], rows, terminal(columns));
      const count = (letter: string, source: string) => source.split(letter).length - 1;
      for (const letter of 'qxz') {
        assert.is(count(letter, shown), count(letter, rows.flat().join('')));
      }
    }),
  );
});

test('a grid', () => {
  const text = gridText(
    ['sector', 'state'],
    [
      ['8', 'live'],
      ['2048', { text: 'lost', style: 'red' }],
    ],
    terminal(80),
    { right: [0] },
  );
  assert.is(
    text,
    [
      '┌────────┬───────┐',
      '│ sector │ state │',
      '├────────┼───────┤',
      '│      8 │ live  │',
      '│   2048 │ lost  │',
      '└────────┴───────┘',
    ].join('\n'),
  );
});

test('a grid in ASCII, with a long cell wrapped on words', () => {
  const text = gridText(
    ['device', 'what is wrong'],
    [['/dev/sda', 'the backup copy is older than the primary one']],
    terminal(40, { unicode: false }),
  );
  assert.is(
    text,
    [
      '+----------+---------------------------+',
      '| device   | what is wrong             |',
      '+----------+---------------------------+',
      '| /dev/sda | the backup copy is older  |',
      '|          | than the primary one      |',
      '+----------+---------------------------+',
    ].join('\n'),
  );
});

test('only the marked cell has colour', () => {
  const text = gridText(['a'], [[{ text: 'x', style: 'red' }]], terminal(80, { color: true }));
  assert.is(text.match(SGR)?.join(''), '\u001b[1m\u001b[22m\u001b[31m\u001b[39m');
});

test('a table without rows has its header', () => {
  assert.is(gridText(['a', 'b'], [], terminal(80, { unicode: false })), '+---+---+\n| a | b |\n+---+---+');
});

test('a long table is one table, drawn in reasonable time', () => {
  const rows = Array.from({ length: 5_000 }, (_, row) => [String(row), 'x']);
  const started = performance.now();
  const lines = gridText(['n', 'x'], rows, terminal(80, { unicode: false })).split('\n');
  assert.ok(performance.now() - started < 10_000);
  assert.is(lines.length, 5_004);
  assert.is(lines.filter((line) => line.startsWith('+')).length, 3);
  assert.is(new Set(lines.map((line) => line.length)).size, 1);
});

test('more columns than the screen can hold become lists', () => {
  const head = Array.from({ length: 12 }, (_, column) => `column ${column}`);
  const text = gridText(head, [head, head], terminal(40));
  assert.match(text, /^column 0 {3}column 0\n/);
  assert.match(text, '\n\n');
});

test('names and values', () => {
  const rows = [
    ['uuid', '6f4f0e7e'],
    ['problem', 'the checksum of the primary header is wrong'],
  ] as const;
  assert.is(
    keyValueTable(rows, terminal(40)),
    ['uuid     6f4f0e7e', 'problem  the checksum of the primary', '         header is wrong'].join('\n'),
  );
  assert.is(keyValueTable([], terminal(80)), '');
});
