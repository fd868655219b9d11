/**
 * Tables that never exceed the width they are given. cli-table3 draws borders and pads; the widths and the
 * wrapping are decided here, because it cuts long words off and lets a table grow past the screen.
 */
import { createRequire } from 'node:module';
import { paint, type Style, type Terminal } from '../terminal.js';
import { displayWidth, showUnprintable, toAscii, wrap } from './text.js';

/** A cell: its text, or its text and how it is shown where colour is allowed. */
export type Cell = string | { readonly text: string; readonly style: Style };

export interface GridOptions {
  /** Column numbers that are aligned to the right: numbers that are compared by eye. */
  readonly right?: readonly number[];
}

/** The border characters: lines, and the left, middle and right joints of each rule. */
const BOX = {
  unicode: { h: '─', v: '│', top: '┌┬┐', mid: '├┼┤', bottom: '└┴┘' },
  ascii: { h: '-', v: '|', top: '+++', mid: '+++', bottom: '+++' },
} as const;

/** A column narrower than this (and than its text) is unreadable: each row is then shown as a list. */
const NARROWEST_COLUMN = 8;

/** cli-table3 takes time quadratic in the rows, so that long tables are drawn in blocks. */
const BLOCK_ROWS = 64;

/** Names on the left, values on the right, no borders; long values are wrapped under themselves. */
export function keyValueTable(rows: Iterable<readonly [string, Cell]>, terminal: Terminal): string {
  const lines: string[] = [];
  const cells = [...rows].map(([key, value]) => [clean(key, terminal), value] as const);
  const widest = Math.max(0, ...cells.map(([key]) => displayWidth(key)));
  const keyWidth = Math.min(widest, Math.floor(terminal.width / 2) - 2);
  const valueWidth = terminal.width - keyWidth - 2;
  for (const [key, value] of cells) {
    const left = wrap(key, keyWidth, { breakWords: true }).split('\n');
    const right = cellLines(value, valueWidth, terminal);
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const name = left[index] ?? '';
      const gap = ' '.repeat(keyWidth - displayWidth(name) + 2);
      lines.push(`${paint(terminal, 'bold', name)}${gap}${right[index] ?? ''}`.trimEnd());
    }
  }
  return lines.join('\n');
}

/** A table with a header; one string for each line, so that a long one can be streamed. */
export function* grid(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
  options: GridOptions = {},
): Generator<string> {
  const widths = columnWidths(head, rows, terminal);
  if (widths === undefined) {
    yield* records(head, rows, terminal);
    return;
  }
  for (let from = 0; from === 0 || from < rows.length; from += BLOCK_ROWS) {
    const isLast = from + BLOCK_ROWS >= rows.length;
    const place = { isFirst: from === 0, isLast };
    yield* drawBlock(head, rows.slice(from, from + BLOCK_ROWS), widths, place, terminal, options);
  }
}

/** The same table as one string. */
export function gridText(...parameters: Parameters<typeof grid>): string {
  return [...grid(...parameters)].join('\n');
}

interface BlockPlace {
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

function drawBlock(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
  place: BlockPlace,
  terminal: Terminal,
  options: GridOptions,
): string[] {
  const Table = loadTable();
  const draw = (cell: Cell, width: number) => cellLines(cell, width, terminal).join('\n');
  const titles = head.map((text) => ({ text, style: 'bold' }) as const);
  const table = new Table({
    chars: borders(terminal, place),
    // cli-table3 counts the padding, one column on both sides, as part of a width.
    colWidths: widths.map((width) => width + 2),
    colAligns: widths.map((_, column) => (options.right?.includes(column) ? 'right' : 'left')),
    head: place.isFirst ? widths.map((width, column) => draw(titles[column] ?? '', width)) : [],
    // Compact: a rule under the header only, since rules between rows cost half of the screen.
    style: { head: [], border: [], compact: true },
    wordWrap: false,
  });
  for (const row of rows) {
    table.push(widths.map((width, column) => draw(row[column] ?? '', width)));
  }
  return table.toString().split('\n');
}

/** A block in the middle of a table has side borders only. */
function borders(terminal: Terminal, { isFirst, isLast }: BlockPlace) {
  const box = terminal.unicode ? BOX.unicode : BOX.ascii;
  const edge = (corners: string, isShown: boolean) => {
    const [left = '', middle = '', right = ''] = isShown ? corners : '';
    return { line: isShown ? box.h : '', left, middle, right };
  };
  const top = edge(box.top, isFirst);
  const mid = edge(box.mid, isFirst);
  const bottom = edge(box.bottom, isLast);
  return {
    top: top.line,
    'top-left': top.left,
    'top-mid': top.middle,
    'top-right': top.right,
    mid: mid.line,
    'left-mid': mid.left,
    'mid-mid': mid.middle,
    'right-mid': mid.right,
    bottom: bottom.line,
    'bottom-left': bottom.left,
    'bottom-mid': bottom.middle,
    'bottom-right': bottom.right,
    left: box.v,
    middle: box.v,
    right: box.v,
  };
}

/** The widths that make the table fit, or undefined where it cannot be read at this width. */
function columnWidths(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): readonly number[] | undefined {
  const natural = head.map(() => 1);
  const longestWord = head.map(() => 1);
  for (const row of [head, ...rows]) {
    for (const column of head.keys()) {
      const text = clean(textOf(row[column] ?? ''), terminal);
      natural[column] = Math.max(natural[column] ?? 1, ...text.split('\n').map(displayWidth));
      longestWord[column] = Math.max(longestWord[column] ?? 1, ...text.split(/\s/).map(displayWidth));
    }
  }
  const available = terminal.width - 3 * head.length - 1;
  if (sum(longestWord) <= available) {
    return fill(natural, longestWord, available);
  }
  const widths = fill(
    natural,
    head.map(() => 1),
    available,
  );
  const isReadable = widths.every(
    (width, column) => width >= Math.min(natural[column] ?? 1, NARROWEST_COLUMN),
  );
  return isReadable && sum(widths) <= available ? widths : undefined;
}

/** Raises all columns together from their least width, until each has its natural one or the room is used. */
function fill(natural: readonly number[], least: readonly number[], available: number): readonly number[] {
  const widths = [...least];
  let room = available - sum(widths);
  while (room > 0) {
    let narrowest: number | undefined;
    for (const [column, width] of widths.entries()) {
      const isWanting = width < (natural[column] ?? 0);
      if (isWanting && (narrowest === undefined || width < (widths[narrowest] ?? 0))) {
        narrowest = column;
      }
    }
    if (narrowest === undefined) {
      break;
    }
    widths[narrowest] = (widths[narrowest] ?? 0) + 1;
    room -= 1;
  }
  return widths;
}

/** Every row as a list of names and values, for tables with more columns than the screen can hold. */
function* records(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): Generator<string> {
  for (const [index, row] of rows.entries()) {
    if (index > 0) {
      yield '';
    }
    yield* keyValueTable(
      head.map((title, column) => [title, row[column] ?? ''] as const),
      terminal,
    ).split('\n');
  }
}

function cellLines(cell: Cell, width: number, terminal: Terminal): string[] {
  const lines = wrap(clean(textOf(cell), terminal), width, { breakWords: true }).split('\n');
  return typeof cell === 'string' ? lines : lines.map((line) => paint(terminal, cell.style, line));
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

/** Names of devices and models come from hardware: whatever they hold must not reach the terminal raw. */
function clean(text: string, terminal: Terminal): string {
  const shown = showUnprintable(text);
  return terminal.unicode ? shown : toAscii(shown);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

type TableClass = typeof import('cli-table3');

let loaded: TableClass | undefined;

/** Loaded at the first table: most commands print none. It is CommonJS, so that no await is needed. */
function loadTable(): TableClass {
  loaded ??= createRequire(import.meta.url)('cli-table3') as TableClass;
  return loaded;
}
