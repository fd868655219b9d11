/** Mapfiles of GNU ddrescue (its manual, "Mapfile structure"): which bytes of a disk could be read. */
import { type BadList, illFormed, type ListedSectors, linesOf, notThis, sectorsAround } from './bad-list.js';
import { quoted } from './quoted.js';

/** non-tried, failed and not trimmed, failed and not scraped, failed bad sectors, finished */
export const DDRESCUE_STATUSES = ['?', '*', '/', '-', '+'] as const;
export type DdrescueStatus = (typeof DDRESCUE_STATUSES)[number];

/** Those that name bytes which ddrescue has tried and could not read. */
export const DDRESCUE_FAILED: readonly DdrescueStatus[] = ['-', '/', '*'];

/** A line of a mapfile, in bytes. */
export interface MapfileBlock {
  readonly at: number;
  readonly length: number;
  readonly status: DdrescueStatus;
}

/** What ddrescue itself counts in: 63 bits. */
const LARGEST = (1n << 63n) - 1n;

/**
 * The blocks of these statuses. What ddrescue refuses is refused: a missing status line, blocks that overlap
 * or leave a gap.
 *
 * @throws DmremapError `usage` with data.line
 */
export function readMapfile(text: string, statuses: readonly DdrescueStatus[]): BadList {
  const listed: ListedSectors[] = [];
  let next: bigint | undefined;
  let hasStatus = false;
  for (const [line, content] of linesOf(text)) {
    const fields = content.replace(/(^|\s)#.*/, '').trim();
    if (fields === '') continue;
    if (!hasStatus) {
      if (!STATUS_LINE.test(fields)) throw notThis(line, fields, 'the status line of a ddrescue mapfile');
      hasStatus = true;
      continue;
    }
    const { at, length, status } = blockOf(line, fields);
    if (next !== undefined && at !== next)
      throw illFormed(line, `the block ${at < next ? 'overlaps' : 'leaves a gap behind'} the one before it`);
    next = at + length;
    if (statuses.includes(status)) listed.push(sectorsAround(at, length, line));
  }
  if (!hasStatus) throw illFormed(1, 'the status line of a ddrescue mapfile is missing');
  return { listed, leftOut: new Map() };
}

/** Where ddrescue was, what it was doing, and in which pass (older versions leave that out). */
const STATUS_LINE = /^(0x[0-9a-f]+|\d+)\s*[?*/\-FG+](\s*\d+)?$/i;
const BLOCK_LINE = /^(0x[0-9a-f]+|\d+)\s+(0x[0-9a-f]+|\d+)\s*([?*/\-+])$/i;

function blockOf(line: number, fields: string) {
  const [, position = '', size = '', status] = BLOCK_LINE.exec(fields) ?? [];
  if (status === undefined) throw notThis(line, fields, 'a block of a ddrescue mapfile');
  const at = integer(line, position);
  const length = integer(line, size);
  if (length === 0n) throw illFormed(line, 'a block of no bytes');
  if (at + length > LARGEST) throw illFormed(line, `${quoted(fields)} ends beyond 63 bits`);
  return { at, length, status: status as DdrescueStatus };
}

/** As a constant of C++: hexadecimal behind 0x, octal behind 0, else decimal. */
function integer(line: number, text: string): bigint {
  if (!/^0\d/.test(text)) return BigInt(text);
  if (/[89]/.test(text)) throw notThis(line, text, 'an octal number');
  return BigInt(`0o${text.slice(1)}`);
}

export interface Mapfile {
  /** What made it, for the heading; one line each. */
  readonly heading: readonly string[];
  /** In bytes. */
  readonly size: number;
  /** What is not named by a block. */
  readonly rest: DdrescueStatus;
}

/**
 * The lines of a mapfile over a whole disk.
 *
 * @param blocks ascending, without overlap, of at least one byte each, and within the size
 */
export function* mapfileLines(
  { heading, size, rest }: Mapfile,
  blocks: Iterable<MapfileBlock>,
): Generator<string> {
  for (const line of heading) yield `# ${line}`;
  yield '# current_pos  current_status  current_pass';
  yield `${hex(0)}     +               1`;
  yield '#      pos        size  status';
  for (const { at, length, status } of joined(blocks, size, rest))
    yield `${hex(at)}  ${hex(length)}  ${status}`;
}

function hex(number: number): string {
  return `0x${number.toString(16).toUpperCase().padStart(8, '0')}`;
}

/** The blocks and what lies between them, neighbours of one status as one. */
function* joined(
  blocks: Iterable<MapfileBlock>,
  size: number,
  rest: DdrescueStatus,
): Generator<MapfileBlock> {
  let open: MapfileBlock = { at: 0, length: 0, status: rest };
  for (const block of withRest(blocks, size, rest)) {
    if (block.status === open.status) open = { ...open, length: open.length + block.length };
    else {
      if (open.length > 0) yield open;
      open = block;
    }
  }
  if (open.length > 0) yield open;
}

function* withRest(
  blocks: Iterable<MapfileBlock>,
  size: number,
  rest: DdrescueStatus,
): Generator<MapfileBlock> {
  let next = 0;
  for (const block of blocks) {
    if (block.at > next) yield { at: next, length: block.at - next, status: rest };
    yield block;
    next = block.at + block.length;
  }
  if (size > next) yield { at: next, length: size - next, status: rest };
}
