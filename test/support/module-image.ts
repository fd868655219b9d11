import { buildHeader, type Entry, type Fields } from './build-image.js';
import { crc32, ENTRY_LENGTH, HEADER_LENGTH, MAGIC, putField, SECTOR } from './format-numbers.js';

/**
 * Spares as the kernel module writes and accepts them (format.md section 7), and its checksum by brute elimination:
 * a second witness, of which nothing is imported from src/.
 */

const TAIL_LENGTH = 8;
const CHECKSUM_AT = 12;

/** The module's CRC over the front of a spare as it lies, the checksum field included. */
export function moduleSum(front: Buffer, count: number): number {
  const struct = front.subarray(4, HEADER_LENGTH + TAIL_LENGTH);
  const table = front.subarray(HEADER_LENGTH, HEADER_LENGTH + count * ENTRY_LENGTH);
  return crc32([struct, table], 0, 0);
}

/**
 * All checksums that are consistent with themselves for this front: c = A·c + b is a system of 32 equations over
 * GF(2), whose matrix is found by trying each bit, and which is solved by elimination.
 */
export function consistentSums(front: Buffer, count: number): number[] {
  const probe = Buffer.from(front);
  const sumWith = (checksum: number) => {
    probe.writeUInt32LE(checksum >>> 0, CHECKSUM_AT);
    return moduleSum(probe, count);
  };
  const b = sumWith(0);
  // column of bit n: what the bit itself and its effect on the CRC make together
  const columns = Array.from({ length: 32 }, (_, bit) => (sumWith((1 << bit) >>> 0) ^ b ^ (1 << bit)) >>> 0);
  const rows = Array.from({ length: 32 }, (_, row) => ({
    bits: columns.reduce((bits, column, bit) => ((column >>> row) & 1 ? bits | (1 << bit) : bits), 0) >>> 0,
    right: (b >>> row) & 1,
  }));
  for (let pivot = 0, rank = 0; pivot < 32; pivot++) {
    const found = rows.findIndex(({ bits }, row) => row >= rank && ((bits >>> pivot) & 1) === 1);
    const row = rows[found];
    // a free bit: no solution or more than one
    if (row === undefined) return [];
    rows.splice(found, 1);
    rows.splice(rank, 0, row);
    for (const other of rows)
      if (other !== row && ((other.bits >>> pivot) & 1) === 1) {
        other.bits = (other.bits ^ row.bits) >>> 0;
        other.right ^= row.right;
      }
    rank++;
  }
  return [rows.reduce((solution, { right }, bit) => (right ? solution | (1 << bit) : solution), 0) >>> 0];
}

export interface ModuleSpec {
  /** Of the spare. */
  readonly sectors: number;
  readonly mainSectors: number;
  readonly entries: readonly Entry[];
  readonly generation: number;
  readonly created?: number;
  readonly updated?: number;
  readonly total?: number;
  /** Of an accepted image. */
  readonly state?: number;
}

const CREATED = 1_759_500_000;

function headerOf({
  sectors,
  mainSectors,
  entries,
  generation,
  created = CREATED,
  updated,
  total = 0,
  state = 0,
}: ModuleSpec) {
  const fields: Fields = {
    magic: MAGIC,
    version: 1,
    creation_time: created,
    last_update_time: updated ?? created + 60,
    entry_count: entries.length,
    max_entries: 252,
    main_device_size: mainSectors,
    spare_device_size: sectors,
    generation,
    total_remaps_created: total,
    state,
  };
  return buildHeader(fields);
}

function tableOf(entries: readonly Entry[]): Buffer {
  const table = Buffer.alloc(252 * ENTRY_LENGTH);
  for (const [slot, [main, spare]] of entries.entries()) {
    table.writeBigUInt64LE(BigInt(main), slot * ENTRY_LENGTH);
    table.writeBigUInt64LE(BigInt(spare), slot * ENTRY_LENGTH + 8);
  }
  return table;
}

/** A spare that the module reads. */
export function acceptedImage(spec: ModuleSpec): Buffer {
  const image = Buffer.alloc(spec.sectors * SECTOR);
  headerOf(spec).copy(image);
  tableOf(spec.entries).copy(image, HEADER_LENGTH);
  const [sum = 0] = consistentSums(image.subarray(0, 8192), spec.entries.length);
  putField(image, 'checksum', sum);
  return image;
}

/** What the module had in memory before it wrote. */
export type Before =
  /** It made a fresh header, since there was a magic and nothing that it could read. */
  | 'fresh'
  /** It never held a header: no magic, no version and no sizes. */
  | 'bare'
  /** It had read a header with this checksum and this first main sector. */
  | { readonly checksum: number; readonly firstMain: number | bigint };

/** A spare as the module leaves it when it saves its metadata: it cannot read it back. */
export function writtenImage(spec: ModuleSpec, before: Before): Buffer {
  const image = Buffer.alloc(spec.sectors * SECTOR);
  const header = headerOf(spec);
  if (before === 'bare')
    for (const name of ['creation_time', 'max_entries', 'main_device_size', 'spare_device_size'] as const)
      putField(header, name, 0);
  if (before === 'bare') header.fill(0, 0, CHECKSUM_AT);
  const tail = Buffer.alloc(TAIL_LENGTH);
  let previous = 0;
  if (before === 'fresh') previous = freshSum(header);
  if (typeof before === 'object') {
    previous = before.checksum;
    tail.writeBigUInt64LE(BigInt(before.firstMain));
  }
  const table = tableOf(spec.entries);
  const live = table.subarray(0, spec.entries.length * ENTRY_LENGTH);
  putField(header, 'checksum', previous);
  putField(header, 'state', 2);
  const sum = crc32([header.subarray(4), tail, live], 0, 0);
  putField(header, 'checksum', sum);
  putField(header, 'state', 0);
  header.copy(image);
  table.copy(image, HEADER_LENGTH);
  tail.copy(image, HEADER_LENGTH);
  return image;
}

/** The checksum of a header as the module makes it anew. */
function freshSum(header: Buffer): number {
  const fresh = Buffer.from(header);
  putField(fresh, 'last_update_time', fresh.readBigUInt64LE(16));
  for (const name of ['checksum', 'entry_count', 'state', 'generation', 'total_remaps_created'] as const)
    putField(fresh, name, 0);
  return crc32([fresh.subarray(4), Buffer.alloc(TAIL_LENGTH)], 0, 0);
}
