import { defineLayout } from '../layout/layout.js';
import { extendCrc } from './checksum.js';
import { orderBySector } from './entry-order.js';

/** One entry of the remap table, format.md section 1. */
export const ENTRY = defineLayout('entry', 16, [
  {
    name: 'main_sector',
    offset: 0,
    size: 8,
    kind: 'u64',
    meaning: 'sector of main that is redirected',
    unit: 'sectors',
  },
  {
    name: 'spare_sector',
    offset: 8,
    size: 8,
    kind: 'u64',
    meaning: 'sector of the spare that holds it',
    unit: 'sectors',
  },
]);

export const ENTRY_SIZE = 16;

const [MAIN_SECTOR, SPARE_SECTOR] = ENTRY.fields;

/** Where an entry holds the sector of the spare, in bytes. */
export const SPARE_OFFSET = SPARE_SECTOR.offset;

/** A main_sector of 2^64 - 1 marks an empty slot. */
const EMPTY_WORD = 0xffffffff;

/** What the high word of a sector counts. */
export const TWO_32 = 2 ** 32;

/** 32-bit words of an entry, and where the low one of each side's sector lies among them. */
export const ENTRY_WORDS = ENTRY_SIZE / 4;
export const SIDE_WORD = { main: MAIN_SECTOR.offset / 4, spare: SPARE_SECTOR.offset / 4 } as const;

/**
 * The live entries of a table, kept as the bytes that lie on the device: a table may have 33 million, so no
 * object is made for an entry. Sector numbers are plain numbers: exact below 2^53, and beyond every device
 * from there on, which the range rules catch.
 */
export class RemapTable {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** The same as little-endian 32-bit words, for work on millions of entries. */
  readonly words: Uint32Array;
  readonly #view: DataView;
  #crc: number | undefined;

  /**
   * @param bytes exactly the live entries
   * @param crc their CRC-32, where it is known already
   */
  constructor(bytes: Uint8Array, crc?: number) {
    if (bytes.length % ENTRY_SIZE !== 0) throw new RangeError(`a table of ${bytes.length} bytes`);
    this.bytes = bytes;
    this.count = bytes.length / ENTRY_SIZE;
    this.words = littleEndianWords(bytes);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#crc = crc;
  }

  /** The CRC-32 of the live entries, computed once. */
  get crc(): number {
    this.#crc ??= extendCrc(0, this.bytes);
    return this.#crc;
  }

  isEmpty(index: number): boolean {
    const at = index * ENTRY_WORDS + SIDE_WORD.main;
    return this.words[at] === EMPTY_WORD && this.words[at + 1] === EMPTY_WORD;
  }

  mainSector(index: number): number {
    return this.#sector(index * ENTRY_WORDS + SIDE_WORD.main);
  }

  spareSector(index: number): number {
    return this.#sector(index * ENTRY_WORDS + SIDE_WORD.spare);
  }

  /** The same, exact to 64 bits, for output. */
  exactMainSector(index: number): bigint {
    return this.#view.getBigUint64(index * ENTRY_SIZE + MAIN_SECTOR.offset, true);
  }

  exactSpareSector(index: number): bigint {
    return this.#view.getBigUint64(index * ENTRY_SIZE + SPARE_SECTOR.offset, true);
  }

  /** Indices of the live entries, empty slots left out. */
  *live(): IterableIterator<number> {
    for (let index = 0; index < this.count; index++) if (!this.isEmpty(index)) yield index;
  }

  /** The same, all at once: four bytes for each of up to 33 million entries. */
  liveIndices(): Uint32Array {
    const { words, count } = this;
    const indices = new Uint32Array(count);
    let length = 0;
    // the words themselves: most of the time goes by before the compiler has seen through a method
    for (let index = 0, at: number = SIDE_WORD.main; index < count; index++, at += ENTRY_WORDS)
      if (words[at] !== EMPTY_WORD || words[at + 1] !== EMPTY_WORD) indices[length++] = index;
    return indices.subarray(0, length);
  }

  /** How many there are of them. */
  get liveCount(): number {
    const { words, count } = this;
    let live = 0;
    for (let index = 0, at: number = SIDE_WORD.main; index < count; index++, at += ENTRY_WORDS)
      if (words[at] !== EMPTY_WORD || words[at + 1] !== EMPTY_WORD) live++;
    return live;
  }

  /** Indices of the live entries, ascending by their sectors on one side. */
  sortedIndices(side: 'main' | 'spare'): Uint32Array {
    return orderBySector(this.liveIndices(), this.words, { stride: ENTRY_WORDS, low: SIDE_WORD[side] });
  }

  #sector(at: number): number {
    return (this.words[at + 1] ?? 0) * TWO_32 + (this.words[at] ?? 0);
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A view where the processor can have one, else a copy. */
function littleEndianWords(bytes: Uint8Array): Uint32Array {
  const count = bytes.length / 4;
  if (IS_LITTLE_ENDIAN && bytes.byteOffset % 4 === 0)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true));
}

/** The reverse: the same memory where the processor has it so, else a copy. */
function littleEndianBytes(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return IS_LITTLE_ENDIAN ? bytes : new Uint8Array(littleEndianWords(bytes).buffer);
}

/** The bytes of a table with these entries, in this order. */
export function encodeEntries(entries: Iterable<readonly [main: bigint, spare: bigint]>): Uint8Array {
  const list = [...entries];
  const table = new Uint8Array(list.length * ENTRY_SIZE);
  const view = new DataView(table.buffer);
  list.forEach(([main, spare], index) => {
    view.setBigUint64(index * ENTRY_SIZE + MAIN_SECTOR.offset, main, true);
    view.setBigUint64(index * ENTRY_SIZE + SPARE_SECTOR.offset, spare, true);
  });
  return table;
}

/** Puts an entry among the bytes of a table, `at` bytes from their begin. */
export function putEntry(table: Uint8Array, at: number, main: number, spare: number): void {
  const view = new DataView(table.buffer, table.byteOffset + at, ENTRY_SIZE);
  for (const [offset, sector] of [
    [MAIN_SECTOR.offset, main],
    [SPARE_SECTOR.offset, spare],
  ] as const) {
    view.setUint32(offset, sector % TWO_32, true);
    view.setUint32(offset + 4, Math.floor(sector / TWO_32), true);
  }
}

/**
 * The entries of a table with these indices, in this order, on other sectors of the spare: from `start` on
 * without a gap.
 */
export function renumberEntries(table: RemapTable, order: Uint32Array, start: number): Uint8Array {
  const { words } = table;
  const renumbered = new Uint32Array(order.length * ENTRY_WORDS);
  for (let place = 0, to = 0; place < order.length; place++, to += ENTRY_WORDS) {
    const from = (order[place] as number) * ENTRY_WORDS + SIDE_WORD.main;
    const spare = start + place;
    renumbered[to + SIDE_WORD.main] = words[from] as number;
    renumbered[to + SIDE_WORD.main + 1] = words[from + 1] as number;
    renumbered[to + SIDE_WORD.spare] = spare >>> 0;
    renumbered[to + SIDE_WORD.spare + 1] = Math.floor(spare / TWO_32);
  }
  return littleEndianBytes(renumbered);
}

/** Whether a table has exactly the entries that renumberEntries() gives. */
export function isRenumbered(
  renumbered: RemapTable,
  table: RemapTable,
  order: Uint32Array,
  start: number,
): boolean {
  if (renumbered.count !== order.length) return false;
  const [is, was] = [renumbered.words, table.words];
  for (let place = 0, at = 0; place < order.length; place++, at += ENTRY_WORDS) {
    const from = (order[place] as number) * ENTRY_WORDS + SIDE_WORD.main;
    const spare = start + place;
    if (
      is[at + SIDE_WORD.main] !== was[from] ||
      is[at + SIDE_WORD.main + 1] !== was[from + 1] ||
      is[at + SIDE_WORD.spare] !== spare >>> 0 ||
      is[at + SIDE_WORD.spare + 1] !== Math.floor(spare / TWO_32)
    )
      return false;
  }
  return true;
}

/** The table without its empty slots: each hole takes the last live entry, as a removal does (section 1). */
export function compactTable(table: RemapTable): RemapTable {
  const compacted = new Uint8Array(table.bytes);
  const view = new RemapTable(compacted);
  let end = table.count;
  for (let index = 0; index < end; index++) {
    if (!view.isEmpty(index)) continue;
    while (end > index + 1 && view.isEmpty(end - 1)) end--;
    end--;
    if (end > index) compacted.copyWithin(index * ENTRY_SIZE, end * ENTRY_SIZE, (end + 1) * ENTRY_SIZE);
  }
  return new RemapTable(compacted.subarray(0, end * ENTRY_SIZE));
}
