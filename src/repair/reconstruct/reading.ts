import { ENTRY_SIZE } from '../../format/entry.js';
import { TABLE_START, tableArea } from '../../format/geometry.js';
import {
  CAPACITY,
  decodeHeader,
  HEADER_SIZE,
  type Header,
  hasExtension,
  MAGIC,
  VERSION,
} from '../../format/header.js';
import type { CopyName } from '../../store/copy.js';
import { BLOCK_SIZE, type Bytes, bytes, roundUp, SECTOR_SIZE } from '../../units.js';

/** Bytes of the device. */
export interface Range {
  readonly at: Bytes;
  readonly length: Bytes;
}

/** What was read of one place where a copy lies or should lie. */
export interface PlaceReading {
  readonly name: CopyName;
  /** First byte of the header. */
  readonly headerAt: Bytes;
  /** The 4096 header bytes; unreadable ones are zero. */
  readonly block: Uint8Array;
  /**
   * The bytes beside the header in which the table lies, free slots too: from TABLE_START on for the primary,
   * up to headerAt for a backup. Unreadable ones are zero.
   */
  readonly region: Uint8Array;
  /** What could not be read, of header and region. */
  readonly unreadable: readonly Range[];
}

/** All places of a device on which no copy is valid. */
export interface DamagedSet {
  /** The real size of the device. */
  readonly deviceSize: Bytes;
  readonly primary: PlaceReading;
  /** At the end of the device, and where the primary says. */
  readonly backups: readonly PlaceReading[];
}

/** A content of some generation that is known from elsewhere: a dump, an undo file. */
export interface Witness {
  /** For people: "the dump spare.json". */
  readonly label: string;
  /** A header block of it, of either copy, with its checksum where that is known. */
  readonly block: Uint8Array;
  /** Its live entries. */
  readonly table: Uint8Array;
}

/** So much is read where no header tells how large its table is: 1,048,576 entries, in bytes. */
const UNTOLD_AREA = 16 << 20;

/** First byte of a place's region. */
export function regionStart(reading: Pick<PlaceReading, 'name' | 'headerAt' | 'region'>): Bytes {
  return reading.name === 'primary' ? TABLE_START : bytes(reading.headerAt - reading.region.length);
}

/** No larger table is searched, in bytes: 4,194,304 entries. Its copies and candidates are held in memory. */
export const MOST_AREA = 64 << 20;

export interface HeaderReading {
  readonly name: CopyName;
  readonly headerAt: Bytes;
  readonly block: Uint8Array;
}

/**
 * Which bytes have to be read as the regions of these places. The capacity may be what is damaged, so every
 * field that tells it has a vote: max_entries and data_start of every header, those of witnesses too.
 *
 * @param headersLost a table is to be found although no header tells of it
 */
export function regionsToRead(
  places: readonly HeaderReading[],
  deviceSize: Bytes,
  witnesses: readonly Witness[] = [],
  headersLost = false,
): Range[] {
  const known = witnesses.map(({ block }) => ({ name: 'primary' as const, block }));
  const told = regionLength([...places, ...known], deviceSize);
  const length = headersLost ? Math.max(told, UNTOLD_AREA) : told;
  return places.map(({ name, headerAt }): Range => {
    const room = name === 'primary' ? deviceSize - TABLE_START : headerAt - TABLE_START;
    const part = Math.max(0, Math.min(length, Math.floor(room / BLOCK_SIZE) * BLOCK_SIZE));
    return { at: name === 'primary' ? TABLE_START : bytes(headerAt - part), length: bytes(part) };
  });
}

function regionLength(places: readonly Pick<HeaderReading, 'name' | 'block'>[], deviceSize: Bytes): number {
  const votes = new Map<number, number>();
  let doubtful = 0;
  for (const { name, block } of places) {
    const header = decodeHeader(block);
    // where a backup might be there is often something else
    const isHeader = header.magic === MAGIC || hasExtension(header) || header.version === VERSION;
    if (name === 'backup' && !isHeader) continue;
    for (const area of areasTold(header))
      if (TABLE_START + area <= deviceSize) votes.set(area, (votes.get(area) ?? 0) + 1);
    // where the capacity is what is damaged, the live entries are still to be read
    if (header.entry_count <= CAPACITY.most) doubtful = Math.max(doubtful, header.entry_count * ENTRY_SIZE);
  }
  const most = Math.max(0, ...votes.values());
  const agreed = [...votes].filter(([, count]) => count === most).map(([area]) => area);
  return Math.min(MOST_AREA, roundUp(Math.max(0, doubtful, ...agreed), BLOCK_SIZE));
}

function areasTold(header: Header): number[] {
  const { max_entries, data_start } = header;
  const areas: number[] = [];
  if (max_entries >= CAPACITY.least && max_entries <= CAPACITY.most) areas.push(tableArea(max_entries));
  const area = Number(data_start) * SECTOR_SIZE - HEADER_SIZE;
  const largest = tableArea(CAPACITY.most);
  if (hasExtension(header) && area > 0 && area <= largest && area % BLOCK_SIZE === 0) areas.push(area);
  return areas;
}
