import type { CatalogueRow } from '../../check/catalogue/row.js';
import type { Layout } from '../../layout/layout.js';
import type { Explanation } from '../../operations/explain.js';
import type { Terminal } from '../terminal.js';
import type { JsonObject } from './json.js';
import { gridText, keyValueTable } from './table.js';
import { wrap } from './text.js';

const FIXES: Record<CatalogueRow['fix'], string> = {
  unattended: 'check -p corrects it',
  proven: 'check -y corrects it',
  guess: 'only you can decide',
  none: 'nothing on this device corrects it',
};

export function explainText(answer: Explanation, terminal: Terminal): string {
  switch (answer.kind) {
    case 'problem':
      return `${rowText(answer.row, terminal)}\n`;
    case 'problems':
      return `${keyValueTable(
        answer.rows.map(({ id, title }) => [id, title] as const),
        terminal,
      )}\n`;
    case 'format':
      return `${answer.layouts.map((layout) => layoutText(layout, terminal)).join('\n\n')}\n`;
  }
}

function rowText(row: CatalogueRow, terminal: Terminal): string {
  const rows: [string, string][] = [
    ['id', row.id],
    ['kind', row.severity],
    ['means', row.means],
    ['fixed by', FIXES[row.fix]],
    ['the fix', row.corrects],
    ['next', typedFor(row)],
  ];
  return `${wrap(row.title, terminal.width)}\n\n${keyValueTable(rows, terminal)}`;
}

/** The line to type, with the words of the help texts where a finding would name its own. */
function typedFor({ next }: CatalogueRow): string {
  return next
    .replaceAll('{device}', 'SPARE')
    .replaceAll('{pair}', 'FROM TO')
    .replaceAll('{copy}', 'primary|backup');
}

function layoutText(layout: Layout, terminal: Terminal): string {
  const rows = layout.fields.map(({ name, offset, size, kind, meaning, unit }) => [
    String(offset),
    String(size),
    kind,
    name,
    unit === undefined ? meaning : `${meaning} (${unit})`,
  ]);
  return `${layout.name}, ${layout.size} bytes, little-endian\n${gridText(['byte', 'size', 'kind', 'field', 'meaning'], rows, terminal, { right: [0, 1] })}`;
}

export function explainJson(answer: Explanation): JsonObject {
  switch (answer.kind) {
    case 'problem':
      return { problems: [rowJson(answer.row)] };
    case 'problems':
      return { problems: answer.rows.map(rowJson) };
    case 'format':
      return {
        layouts: answer.layouts.map(({ name, size, fields }) => ({
          name,
          size,
          fields: fields.map((field) => ({ ...field })),
        })),
      };
  }
}

function rowJson(row: CatalogueRow): JsonObject {
  const { id, severity, fix, title, means, corrects } = row;
  return { id, severity, fix, title, means, corrects, next: typedFor(row) };
}
