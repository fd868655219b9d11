import type { BadRange } from '../device/read-around.js';
import { ENTRY_SIZE } from '../format/entry.js';
import { TABLE_START, tableArea } from '../format/geometry.js';
import { type Header, MAGIC, VERSION } from '../format/header.js';
import { type Bytes, bytes } from '../units.js';

export type CopyName = 'primary' | 'backup';

/** Where a copy was looked for: the front, the end of the device, or where the primary says. */
export type Place = 'front' | 'end' | 'pointed';

/**
 * Why a copy is not valid (format.md section 5). Where `entry-count` or `table-outside` stands there is no
 * table to sum, so `checksum` never stands beside them.
 */
export type CopyFault =
  | 'magic'
  | 'version'
  | 'copy-field'
  | 'entry-count'
  | 'table-outside'
  | 'header-unreadable'
  | 'table-unreadable'
  | 'checksum';

/** One place as it was read: decoded, summed, and judged by nothing but itself. */
export interface Copy {
  readonly name: CopyName;
  readonly place: Place;
  /** First byte of the header. */
  readonly headerAt: Bytes;
  /** The 4096 header bytes; unreadable ones are zero. */
  readonly block: Uint8Array;
  readonly header: Header;
  /** First byte of the table; undefined where entry_count and max_entries name no table within the device. */
  readonly tableAt: Bytes | undefined;
  /** Byte ranges of header and live table that could not be read. */
  readonly unreadable: readonly BadRange[];
  /** The checksum that fits what was read; undefined where it could not all be read. */
  readonly computed: number | undefined;
  /** The checksum fits once the magic is put right: the magic is all that is damaged. */
  readonly onlyMagicWrong: boolean;
  readonly faults: readonly CopyFault[];
}

export function isValid(copy: Copy): boolean {
  return copy.faults.length === 0;
}

/** Written whole by somebody, whatever version it has and wherever it lies. */
export function isSealed(copy: Copy): boolean {
  return hasMagic(copy) && copy.computed === copy.header.checksum;
}

export function hasMagic(copy: Copy): boolean {
  return copy.header.magic === MAGIC;
}

/** The bytes of the live entries. */
export function liveTableLength(header: Header): Bytes {
  return bytes(header.entry_count * ENTRY_SIZE);
}

/** Where the table of a header at this place lies; undefined where it would leave the device or meet the front. */
export function tablePlace(name: CopyName, headerAt: Bytes, header: Header, size: Bytes): Bytes | undefined {
  if (header.entry_count > header.max_entries) return undefined;
  const area = tableArea(header.max_entries);
  if (name === 'primary') return TABLE_START + area <= size ? TABLE_START : undefined;
  const at = headerAt - area;
  return at >= TABLE_START ? bytes(at) : undefined;
}

/** The faults that the header alone shows. */
export function headerFaults(name: CopyName, header: Header, tableAt: Bytes | undefined): CopyFault[] {
  const faults: CopyFault[] = [];
  if (header.magic !== MAGIC) faults.push('magic');
  if (header.version !== VERSION) faults.push('version');
  if (header.copy !== (name === 'primary' ? 0 : 1)) faults.push('copy-field');
  if (header.entry_count > header.max_entries) faults.push('entry-count');
  else if (tableAt === undefined) faults.push('table-outside');
  return faults;
}
