import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import { extendCrc, metadataChecksum } from '../format/checksum.js';
import { ENTRY_SIZE, RemapTable } from '../format/entry.js';
import { TABLE_START } from '../format/geometry.js';
import { type Copy, liveTableLength } from '../store/copy.js';
import { type LoadedCopies, standsStill } from '../store/load.js';
import { type Bytes, bytes, roundUp } from '../units.js';

/** Entries in a row as they lie on the device. */
export interface TablePart {
  readonly at: Bytes;
  readonly entries: RemapTable;
}

/** How much of a table is in memory at a time, in bytes. */
const PART = 128 << 10;

/**
 * The entries of one copy, read once from front to end without a lock. What was given out is known to be one
 * copy's table only at its end, where it is summed and the headers are looked at again: a commit in between
 * would have made a mixture of it.
 */
export class TableStream {
  readonly #device: BlockDevice;
  readonly #loaded: LoadedCopies;
  readonly #copy: Copy;
  readonly #tableAt: Bytes;
  /** Of the entries that the header names, the bytes that its table and the device can hold. */
  readonly #length: number;
  #offset = 0;
  #given = 0;
  #crc = 0;
  #first: TablePart[] = [];
  #changed = false;
  /** Serves all parts: what is in memory does not grow with the table. */
  readonly #buffer: Uint8Array;

  constructor(device: BlockDevice, loaded: LoadedCopies, copy: Copy) {
    const tableAt = copy.tableAt ?? (copy.name === 'primary' ? TABLE_START : undefined);
    this.#device = device;
    this.#loaded = loaded;
    this.#copy = copy;
    this.#tableAt = tableAt ?? TABLE_START;
    this.#length = tableAt === undefined ? 0 : readableLength(copy, tableAt, device.size);
    this.#buffer = Buffer.allocUnsafeSlow(roundUp(Math.min(PART, this.#length), device.logicalBlockSize));
  }

  /** Everything was read: `missing` and `changed` will not change any more. */
  get ended(): boolean {
    return this.#offset >= this.#length;
  }

  /** Entries that the header names but that are not there or, as far as is known by now, not readable. */
  get missing(): number {
    const readable = this.ended ? this.#given : this.#length;
    return this.#copy.header.entry_count - readable / ENTRY_SIZE;
  }

  /** The metadata changed while it was read. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Reads the first part ahead of `parts`: a table that fits into it is known to be whole before it is used. */
  async begin(): Promise<void> {
    if (this.ended) await this.#compare();
    else this.#first = await this.#next();
  }

  /** Each part is good until the next one is asked for. */
  async *parts(): AsyncGenerator<TablePart> {
    yield* this.#first.splice(0);
    while (!this.ended) yield* await this.#next();
  }

  async #next(): Promise<TablePart[]> {
    const at = this.#tableAt + this.#offset;
    const length = Math.min(PART, this.#length - this.#offset);
    const part = this.#buffer.subarray(0, roundUp(length, this.#device.logicalBlockSize));
    const unreadable = await readAround(this.#device, bytes(at), part);
    const parts = [...readableRuns(part.subarray(0, length), at, unreadable)];
    for (const { entries } of parts) {
      this.#given += entries.bytes.length;
      this.#crc = extendCrc(this.#crc, entries.bytes);
    }
    this.#offset += length;
    if (this.ended) await this.#compare();
    return parts;
  }

  async #compare(): Promise<void> {
    const { computed, block, header } = this.#copy;
    const sum = metadataChecksum(block, this.#crc, liveTableLength(header));
    const other = this.missing === 0 && computed !== undefined && computed !== sum;
    const { primary, backups } = this.#loaded;
    // a bad header would only fail again, slowly
    const readable = [primary, ...backups].filter(({ unreadable }) => unreadable.length === 0);
    this.#changed = other || !(await standsStill(this.#device, readable));
  }
}

function readableLength({ header, name, headerAt }: Copy, tableAt: Bytes, size: Bytes): number {
  const named = liveTableLength(header);
  const capacity = header.max_entries > 0 ? header.max_entries * ENTRY_SIZE : named;
  const end = name === 'primary' ? size : headerAt;
  const held = Math.min(named, capacity, Math.max(end - tableAt, 0));
  return held - (held % ENTRY_SIZE);
}

/** The parts of a chunk whose entries could be read whole. */
function* readableRuns(
  chunk: Uint8Array,
  at: number,
  unreadable: readonly { readonly at: number; readonly length: number }[],
): Generator<TablePart> {
  const run = (from: number, to: number): TablePart => ({
    at: bytes(at + from),
    entries: new RemapTable(chunk.subarray(from, to)),
  });
  let from = 0;
  for (const bad of unreadable) {
    const to = Math.max(from, Math.floor((bad.at - at) / ENTRY_SIZE) * ENTRY_SIZE);
    if (to > from) yield run(from, to);
    from = roundUp(bad.at + bad.length - at, ENTRY_SIZE);
  }
  if (from < chunk.length) yield run(from, chunk.length);
}
