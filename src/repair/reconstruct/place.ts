import { extendCrc } from '../../format/checksum.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { tableArea } from '../../format/geometry.js';
import {
  CAPACITY,
  decodeHeader,
  encodeHeader,
  HEADER,
  type Header,
  hasExtension,
  MAGIC,
  VERSION,
} from '../../format/header.js';
import { fieldAt, fieldNamed } from '../../layout/layout.js';
import { type CopyName, tablePlace } from '../../store/copy.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../../units.js';
import type { ByteChange } from './candidate.js';
import { normalBlock } from './normal.js';
import { MOST_AREA, type PlaceReading, regionStart } from './reading.js';

/** A magic with no more wrong bits than this is still taken for one. */
const MAGIC_BITS_FORGIVEN = 8;

const MAGIC_FIELD = fieldNamed(HEADER, 'magic');

/**
 * One place as it was read, with what every valid copy has there put right: magic, version and copy. All
 * searches start from that, so that none of them spends its one correction on what is known anyway.
 */
export class Place {
  readonly name: CopyName;
  readonly headerAt: Bytes;
  readonly reading: PlaceReading;
  /** The header block, put right. */
  readonly block: Uint8Array;
  readonly header: Header;
  /** The same in normal form. */
  readonly normal: Uint8Array;
  /** The bytes that were put right. */
  readonly repairs: readonly ByteChange[];
  /** The header's first sector was read and may be one of ours: its checksum is worth a search. */
  readonly speaks: boolean;
  readonly #deviceSize: Bytes;
  readonly #tables = new Map<number, Bytes | undefined>();
  readonly #crcs = new Map<string, number>();

  constructor(reading: PlaceReading, deviceSize: Bytes) {
    this.name = reading.name;
    this.headerAt = reading.headerAt;
    this.reading = reading;
    const copy = reading.name === 'primary' ? 0 : 1;
    this.block = encodeHeader({ magic: MAGIC, version: VERSION, copy }, reading.block);
    this.normal = normalBlock(this.block);
    this.header = decodeHeader(this.block);
    this.repairs = headerChanges(reading, this.block);
    this.#deviceSize = deviceSize;
    this.speaks = this.isReadable(reading.headerAt, SECTOR_SIZE) && this.#resemblesHeader();
  }

  /** The checksum as it was read. */
  get stored(): number {
    return this.header.checksum;
  }

  /** Where the table of this capacity lies; undefined where none can lie (format.md section 5). */
  tableAt(maxEntries: number): Bytes | undefined {
    if (maxEntries < CAPACITY.least || maxEntries > CAPACITY.most) return undefined;
    if (!this.#tables.has(maxEntries)) {
      const header = { ...this.header, max_entries: maxEntries, entry_count: 0 };
      this.#tables.set(maxEntries, tablePlace(this.name, this.headerAt, header, this.#deviceSize));
    }
    return this.#tables.get(maxEntries);
  }

  /** The first slots of the table of this capacity, sharing memory; undefined where they were not read. */
  slots(maxEntries: number, count: number): Uint8Array | undefined {
    const at = this.tableAt(maxEntries);
    if (at === undefined) return undefined;
    const from = at - regionStart(this.reading);
    const to = from + count * ENTRY_SIZE;
    return from < 0 || to > this.reading.region.length ? undefined : this.reading.region.subarray(from, to);
  }

  /** Its header names live entries that were not read, since no larger table is searched. */
  get isTooLarge(): boolean {
    const { max_entries, entry_count } = this.header;
    if (!this.speaks || entry_count > max_entries || this.tableAt(max_entries) === undefined) return false;
    const isCut = tableArea(max_entries) > MOST_AREA && this.reading.region.length >= MOST_AREA;
    return isCut && this.slots(max_entries, entry_count) === undefined;
  }

  /** How many slots of this capacity were read without a gap. */
  readableSlots(maxEntries: number): number {
    const { at, end } = this.#slotsRead(maxEntries);
    const gaps = this.reading.unreadable.filter((range) => range.at < end && range.at + range.length > at);
    const first = gaps.reduce((least, range) => Math.min(least, Math.max(range.at, at)), end);
    return Math.floor((first - at) / ENTRY_SIZE);
  }

  /** No slot of this capacity that was to be read is unreadable. */
  hasWholeSlots(maxEntries: number): boolean {
    const { at, end } = this.#slotsRead(maxEntries);
    return this.isReadable(at, end - at);
  }

  /** The part of the table of this capacity that lies in what was read. */
  #slotsRead(maxEntries: number): { at: Bytes; end: number } {
    const start = regionStart(this.reading);
    const at = this.tableAt(maxEntries);
    if (at === undefined || at < start) return { at: start, end: start };
    const end = Math.min(at + maxEntries * ENTRY_SIZE, start + this.reading.region.length);
    return { at, end: Math.max(at, end) };
  }

  isReadable(at: Bytes, length: number): boolean {
    return this.reading.unreadable.every((range) => range.at >= at + length || range.at + range.length <= at);
  }

  /** CRC-32 of the first slots; computed once. */
  crcOf(maxEntries: number, count: number): number {
    const key = `${this.tableAt(maxEntries)} ${count}`;
    const known = this.#crcs.get(key);
    if (known !== undefined) return known;
    const crc = extendCrc(0, this.slots(maxEntries, count) ?? new Uint8Array(0));
    this.#crcs.set(key, crc);
    return crc;
  }

  /** A change of the table byte at this offset, as it is to be shown. */
  tableChange(at: Bytes, offset: number, from: number, to: number): ByteChange {
    const entry = Math.floor(offset / ENTRY_SIZE);
    return { what: 'byte', copy: this.name, byte: bytes(at + offset), from, to, entry };
  }

  #resemblesHeader(): boolean {
    const { block } = this.reading;
    if (block.subarray(0, SECTOR_SIZE).every((byte) => byte === 0)) return false;
    if (this.name === 'primary') return true;
    const namesItself = Number(this.header.backup_header) * SECTOR_SIZE === this.headerAt;
    return namesItself || hasExtension(this.header) || wrongMagicBits(block) <= MAGIC_BITS_FORGIVEN;
  }
}

function wrongMagicBits(block: Uint8Array): number {
  let wrong = 0;
  for (let index = 0; index < MAGIC_FIELD.size; index++) {
    let bits = (block[MAGIC_FIELD.offset + index] ?? 0) ^ MAGIC.charCodeAt(index);
    for (; bits > 0; bits >>= 1) wrong += bits & 1;
  }
  return wrong;
}

/** The bytes in which a header block differs from what was read. */
export function headerChanges(
  reading: Pick<PlaceReading, 'name' | 'headerAt' | 'block'>,
  block: Uint8Array,
): ByteChange[] {
  const changes: ByteChange[] = [];
  block.forEach((to, index) => {
    const from = reading.block[index] ?? 0;
    if (from === to) return;
    const field = fieldAt(HEADER, index)?.name ?? '';
    changes.push({
      what: 'byte',
      copy: reading.name,
      byte: bytes(reading.headerAt + index),
      from,
      to,
      field,
    });
  });
  return changes;
}
