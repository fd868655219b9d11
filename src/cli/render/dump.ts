import { BADBLOCKS_BLOCK_SIZE } from '../../exchange/badblocks.js';
import { DUMP_FORMAT, DUMP_VERSION } from '../../exchange/dump-document.js';
import type { RemapTable } from '../../format/entry.js';
import { HEADER } from '../../format/header.js';
import { type Dumped, type DumpSource, dumpExitCode, isComplete } from '../../operations/dump.js';
import type { Terminal } from '../terminal.js';
import { dumpBadblocks, dumpMapfile } from './dump-lists.js';
import { hexdump } from './hexdump.js';
import { shownValue } from './info.js';
import { stringifyJson } from './json.js';
import { LineBuffer } from './line-buffer.js';
import { keyValueTable } from './table.js';

export const DUMP_FORMATS = ['json', 'text', 'csv', 'hex', 'badblocks', 'ddrescue'] as const;
export type DumpFormat = (typeof DUMP_FORMATS)[number];

/**
 * The dump as text or as bytes of text, piece by piece: what is in memory does not grow with the table, but for the
 * lists of other tools, which are sorted.
 *
 * @param blockSize in which badblocks counts, in bytes
 */
export function renderDump(
  format: DumpFormat,
  open: DumpSource,
  terminal: Terminal,
  blockSize = BADBLOCKS_BLOCK_SIZE,
): AsyncGenerator<string | Uint8Array> {
  switch (format) {
    case 'json':
      return dumpJson(open);
    case 'text':
      return dumpText(open, terminal);
    case 'csv':
      return dumpCsv(open.dump);
    case 'hex':
      return dumpHex(open.dump);
    case 'badblocks':
      return dumpBadblocks(open.dump, blockSize);
    case 'ddrescue':
      return dumpMapfile(open);
  }
}

/**
 * Lossless, and what `restore` takes (exchange/dump-document.ts). What is known of the entries only when the
 * last one has been read stands behind them.
 */
async function* dumpJson({ device, identity, dump }: DumpSource): AsyncGenerator<string | Uint8Array> {
  const head = stringifyJson({
    command: 'dump',
    format: DUMP_FORMAT,
    dump_version: DUMP_VERSION,
    device: {
      path: device.path,
      size: device.size,
      serial: identity.serial,
      model: identity.model,
      by_id: identity.byIdPath,
    },
    copy: dump.copy.name,
    valid: dump.valid,
    header: { ...dump.copy.header },
    reserved: dump.reserved.map((part) => ({ ...part })),
  });
  yield head.replace(/\n\}\s*$/, ',\n  "entries": [');
  let separator = '\n';
  yield* entryLines(dump, (part, index) => {
    const line = `${separator}    {"main_sector": ${part.exactMainSector(index)}, "spare_sector": ${part.exactSpareSector(index)}}`;
    separator = ',\n';
    return line;
  });
  const tail = stringifyJson({
    missing_entries: dump.table.missing,
    exit_code: dumpExitCode(dump),
    complete: isComplete(dump),
  });
  yield `${separator === '\n' ? '' : '\n  '}],${tail.replace(/^\{/, '')}\n`;
}

/** A line for each entry. */
async function* entryLines(
  dump: Dumped,
  lineOf: (part: RemapTable, index: number) => string,
): AsyncGenerator<Uint8Array> {
  const lines = new LineBuffer();
  for await (const { entries } of dump.table.parts()) {
    for (let index = 0; index < entries.count; index++) {
      if (lines.isFull) yield lines.take();
      lines.add(lineOf(entries, index));
    }
  }
  yield lines.take();
}

async function* dumpText(
  { device, dump }: DumpSource,
  terminal: Terminal,
): AsyncGenerator<string | Uint8Array> {
  const { copy } = dump;
  const rows: [string, string][] = [
    ['device', device.path],
    ['copy', `${copy.name}${dump.valid ? '' : ' (not valid)'}`],
  ];
  for (const { name, kind } of HEADER.fields)
    if (kind !== 'zero')
      rows.push([name, shownValue(name as keyof typeof copy.header, copy.header).replace('\n', '')]);
  for (const { byte, hex } of dump.reserved) rows.push([`reserved, byte ${byte}`, hex]);
  yield `${keyValueTable(rows, terminal)}\n\n${'main_sector'.padStart(20)} ${'spare_sector'.padStart(20)}\n`;
  yield* entryLines(dump, (part, index) =>
    part.isEmpty(index)
      ? `${'(empty slot)'.padStart(20)}\n`
      : `${String(part.exactMainSector(index)).padStart(20)} ${String(part.exactSpareSector(index)).padStart(20)}\n`,
  );
}

async function* dumpCsv(dump: Dumped): AsyncGenerator<string | Uint8Array> {
  yield 'main_sector,spare_sector\n';
  yield* entryLines(
    dump,
    (part, index) => `${part.exactMainSector(index)},${part.exactSpareSector(index)}\n`,
  );
}

/** The bytes of header and live entries with their places on the device. */
async function* dumpHex({ copy, table }: Dumped): AsyncGenerator<string> {
  for (const line of hexdump(copy.block, copy.headerAt)) yield `${line}\n`;
  for await (const { at, entries } of table.parts()) {
    let text = '';
    for (const line of hexdump(entries.bytes, at)) text += `${line}\n`;
    yield text;
  }
}
