import type { LeftMapping } from '../../operations/own-mapping.js';
import type { DmTable } from '../../operations/table.js';
import { gathered } from './gathered.js';
import { JsonList, type JsonObject } from './json.js';
import { quoteForShell, shellCommand } from './text.js';

export const TABLE_FORMATS = ['table', 'command', 'concise'] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

/**
 * table: lines for the standard input of `dmsetup create`. command: shell lines that create the device and
 * load the remaps. concise: the one line that `dm-mod.create=` and `dmsetup create --concise` read.
 */
export function tableText(table: DmTable, format: TableFormat): Iterable<string> {
  return gathered({ table: plainText, command: commandText, concise: conciseText }[format](table));
}

function* plainText({ lines, messages }: DmTable): Generator<string> {
  for (const line of lines) yield `${line}\n`;
  for (const message of messages) yield `# message: ${message}\n`;
}

function* commandText({ name, uuid, readOnly, lines, messages }: DmTable): Generator<string> {
  const create = ['dmsetup', 'create', name, '--uuid', uuid, ...(readOnly ? ['--readonly'] : [])];
  yield* withLines(create, lines);
  for (const message of messages) yield `dmsetup message ${quoteForShell(name)} 0 ${message}\n`;
}

/** Shell lines for a suspended mapping: its table takes the place of the one it has, and it goes on. */
export function* goOnText({ name, table }: LeftMapping): Generator<string> {
  if (table !== undefined) yield* withLines(reloadCommand(table), table.lines);
  yield `${shellCommand(resumeCommand(name))}\n`;
}

function reloadCommand({ name, readOnly }: DmTable): string[] {
  return ['dmsetup', 'reload', name, ...(readOnly ? ['--readonly'] : [])];
}

function resumeCommand(name: string): string[] {
  return ['dmsetup', 'resume', name];
}

/** A command that takes the table from standard input. */
function* withLines(command: readonly string[], lines: Iterable<string>): Generator<string> {
  yield `${shellCommand(command)} <<'TABLE'\n`;
  for (const line of lines) yield `${line}\n`;
  yield 'TABLE\n';
}

/** As goOnText: the table is for the standard input of the first command. */
export function goOnJson(mapping: LeftMapping | undefined): JsonObject {
  if (mapping === undefined) return { held_by: null, table: null, commands: [] };
  const { name, table } = mapping;
  const commands = [...(table === undefined ? [] : [reloadCommand(table)]), resumeCommand(name)];
  return {
    held_by: name,
    table: table === undefined ? null : new JsonList(table.lines),
    commands: commands.map(shellCommand),
  };
}

function* conciseText({ name, uuid, readOnly, lines }: DmTable): Generator<string> {
  yield [name, uuid, '', readOnly ? 'ro' : 'rw'].map(escapeConcise).join(',');
  for (const line of lines) yield `,${escapeConcise(line)}`;
  yield '\n';
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
      lines: new JsonList(table.lines),
      messages: new JsonList(table.messages),
    },
  };
}
