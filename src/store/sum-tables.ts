import type { BlockDevice } from '../device/block-device.js';
import { type BadRange, readAround } from '../device/read-around.js';
import { extendCrc, sumBy } from '../format/checksum.js';
import { type Bytes, bytes, roundUp } from '../units.js';

/** How much of each table is read at a time, in bytes; two such buffers serve a table to its end. */
const CHUNK = 256 << 10;

export interface TablePart {
  readonly at: Bytes;
  /** Bytes of live entries. */
  readonly length: Bytes;
}

export interface TableSum {
  readonly crc: number;
  readonly unreadable: readonly BadRange[];
  /** The live bytes are those of the first table, to the last one. */
  readonly sameAsFirst: boolean;
}

interface Running {
  crc: number;
  unreadable: BadRange[];
  /** So far; while it holds, the sum is that of the first table and is not computed again. */
  same: boolean;
}

/**
 * Who has many bytes to sum, such as a long table, has more of its size to sum later: what comes with Node does it
 * in a tenth of the time, though it takes a while to load.
 */
export async function prepareToSum(length: number): Promise<void> {
  if (length <= CHUNK) return;
  const { crc32 } = await import('node:zlib');
  sumBy((before, block) => crc32(block, before));
}

/** Told bytes read so far, of how many. */
export type ReadProgress = (done: number, total: number) => void;

/**
 * CRC-32 of the live bytes of several tables, read side by side in chunks: copies that are equal, as they
 * nearly always are, are summed once, and no table is held in memory.
 */
export async function sumTables(
  device: BlockDevice,
  tables: readonly TablePart[],
  progress?: ReadProgress,
): Promise<TableSum[]> {
  const running: Running[] = tables.map(() => ({ crc: 0, unreadable: [], same: true }));
  const longest = Math.max(0, ...tables.map((table) => table.length));
  const buffers = tables.map((table) => [chunkBuffer(device, table), chunkBuffer(device, table)] as const);
  const read = (offset: number) =>
    Promise.all(
      tables.map((table, index) => {
        const pair = buffers[index] ?? [];
        return readChunk(device, table, offset, pair[(offset / CHUNK) % 2] ?? new Uint8Array(0));
      }),
    );
  let next = longest > 0 ? read(0) : undefined;
  await prepareToSum(longest);
  for (let offset = 0; next !== undefined; offset += CHUNK) {
    const chunks = await next;
    // the next chunks are on their way while these are summed
    next = offset + CHUNK < longest ? read(offset + CHUNK) : undefined;
    chunks.forEach((chunk, index) => {
      addChunk(running, chunks[0]?.live, chunk, index);
    });
    progress?.(Math.min(offset + CHUNK, longest) * tables.length, longest * tables.length);
  }
  const first = tables[0]?.length;
  return running.map(({ crc, unreadable, same }, index) => ({
    crc,
    unreadable,
    sameAsFirst: same && tables[index]?.length === first,
  }));
}

interface Chunk {
  readonly live: Uint8Array;
  readonly unreadable: readonly BadRange[];
}

function chunkBuffer(device: BlockDevice, table: TablePart): Uint8Array {
  return Buffer.allocUnsafeSlow(roundUp(Math.min(CHUNK, table.length), device.logicalBlockSize));
}

async function readChunk(
  device: BlockDevice,
  table: TablePart,
  offset: number,
  buffer: Uint8Array,
): Promise<Chunk> {
  const length = Math.max(0, Math.min(CHUNK, table.length - offset));
  if (length === 0) return { live: new Uint8Array(0), unreadable: [] };
  // whole logical blocks: the area of a table is a multiple of 4096 bytes, so this stays inside it
  const part = buffer.subarray(0, roundUp(length, device.logicalBlockSize));
  const unreadable = await readAround(device, bytes(table.at + offset), part);
  return { live: part.subarray(0, length), unreadable };
}

function addChunk(running: Running[], first: Uint8Array | undefined, chunk: Chunk, index: number): void {
  const sum = running[index];
  const leader = running[0];
  if (sum === undefined || leader === undefined || first === undefined) return;
  sum.unreadable.push(...chunk.unreadable);
  if (index > 0 && sum.same && Buffer.compare(first, chunk.live) === 0) {
    sum.crc = leader.crc;
    return;
  }
  if (index > 0) sum.same = false;
  sum.crc = extendCrc(sum.crc, chunk.live);
}
