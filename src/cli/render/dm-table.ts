import type { DmTable } from '../../operations/table.js';
import type { JsonObject } from './json.js';
import { quoteForShell, shellCommand } from './text.js';

export const TABLE_FORMATS = ['table', 'command', 'concise'] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

/**
 * table: lines for the standard input of `dmsetup create`. command: shell lines that create the device and
 * load the remaps. concise: the one line that `dm-mod.create=` and `dmsetup create --concise` read.
 */
export function tableText(table: DmTable, format: TableFormat): string {
  switch (format) {
    case 'table':
      return [...table.lines, ...table.messages.map((message) => `# message: ${message}`)]
        .join('\n')
        .concat('\n');
    case 'command':
      return commandText(table);
    case 'concise': {
      const flags = table.readOnly ? 'ro' : 'rw';
      return `${[table.name, table.uuid, '', flags, ...table.lines].map(escapeConcise).join(',')}\n`;
    }
  }
}

function commandText(table: DmTable): string {
  const create = [
    'dmsetup',
    'create',
    table.name,
    '--uuid',
    table.uuid,
    ...(table.readOnly ? ['--readonly'] : []),
  ];
  const messages = table.messages.map(
    (message) => `dmsetup message ${quoteForShell(table.name)} 0 ${message}\n`,
  );
  return `${shellCommand(create)} <<'TABLE'\n${table.lines.join('\n')}\nTABLE\n${messages.join('')}`;
}

/** In the concise format a comma or semicolon ends a field. */
function escapeConcise(field: string): string {
  return field.replace(/[\\,;]/g, (character) => `\\${character}`);
}

export function tableJson(table: DmTable | undefined): JsonObject {
  if (table === undefined) return { table: null };
  return {
    table: {
      name: table.name,
      uuid: table.uuid,
      read_only: table.readOnly,
      target: table.target,
      segments: table.segments,
      lines: [...table.lines],
      messages: [...table.messages],
    },
  };
}
