import { extendCrc, joinCrcs } from '../format/checksum.js';
import type { Phase, Write } from '../store/phase.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import type { UndoBlock } from './description.js';

/** What is known of a block before anything is read: where it lies and what it will hold. */
export type PlannedBlock = Omit<UndoBlock, 'device' | 'crcBefore' | 'unreadable'>;

/** The bytes of a write may be loaded whenever they are asked for: they are not kept here. */
interface Placed {
  readonly write: Write;
  readonly length: number;
  readonly phase: number;
}

/**
 * The bytes that these phases overwrite, each once, ascending, as few blocks as possible: writes that touch
 * or overlap are joined, as long as the same phase has the last word, so that putting back can go through the
 * phases in reverse order. Where several phases write a sector, the last one decides what it will hold.
 *
 * @throws RangeError for a write that is not in whole sectors: no device would take it
 */
export function planUndo(phases: readonly Phase[]): PlannedBlock[] {
  const writes = phases.flatMap(({ writes }, phase) =>
    writes.map((write): Placed => ({ write, length: write.bytes.length, phase })),
  );
  for (const { write, length } of writes)
    if (write.at % SECTOR_SIZE !== 0 || length % SECTOR_SIZE !== 0)
      throw new RangeError(`a write of ${length} bytes at byte ${write.at} is not in whole sectors`);
  const known: KnownSums = new WeakMap();
  return stretches(writes.filter(({ length }) => length > 0)).flatMap((stretch) => blocksOf(stretch, known));
}

/** Writes that touch or overlap, in the order in which they are made. */
interface Stretch {
  readonly at: Bytes;
  readonly end: number;
  readonly writes: readonly Placed[];
}

function stretches(writes: readonly Placed[]): Stretch[] {
  const order = new Map(writes.map((write, index) => [write, index]));
  const sorted = [...writes].sort((a, b) => a.write.at - b.write.at);
  const groups: { at: Bytes; end: number; writes: Placed[] }[] = [];
  for (const placed of sorted) {
    const { at } = placed.write;
    const end = at + placed.length;
    const last = groups.at(-1);
    if (last === undefined || at > last.end) groups.push({ at, end, writes: [placed] });
    else {
      last.end = Math.max(last.end, end);
      last.writes.push(placed);
    }
  }
  for (const group of groups) group.writes.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  return groups;
}

/** Content of a sector that a later write replaces. */
interface Earlier {
  readonly sector: number;
  readonly crc: number;
}

function blocksOf({ at, end, writes }: Stretch, known: KnownSums): PlannedBlock[] {
  // The write that has the last word for each sector; every sector has one.
  const owners = new Int32Array((end - at) / SECTOR_SIZE).fill(-1);
  const earlier: Earlier[] = [];
  for (const [index, { write, length }] of writes.entries()) {
    const first = (write.at - at) / SECTOR_SIZE;
    const past = first + length / SECTOR_SIZE;
    for (let sector = first; sector < past; sector++) {
      const owner = writes[owners[sector] ?? -1];
      if (owner !== undefined)
        earlier.push({ sector, crc: extendCrc(0, sectorOf(owner.write, at + sector * SECTOR_SIZE)) });
      owners[sector] = index;
    }
  }
  const blocks: PlannedBlock[] = [];
  for (let first = 0; first < owners.length; ) {
    const phase = writes[owners[first] ?? -1]?.phase ?? 0;
    let past = first + 1;
    while (past < owners.length && writes[owners[past] ?? -1]?.phase === phase) past++;
    const block = { at: bytes(at + first * SECTOR_SIZE), length: bytes((past - first) * SECTOR_SIZE), phase };
    const sums = sumsOf(owners.subarray(first, past), block.at, writes, known);
    const between = earlier
      .filter(({ sector }) => sector >= first && sector < past)
      .map(({ sector, crc }) => ({ index: sector - first, crc }))
      .filter(({ index, crc }) => crc !== sums.sectorsAfter[index]);
    blocks.push({ ...block, ...sums, between });
    first = past;
  }
  return blocks;
}

/** Checksums of what a block will hold, in whole and by sector. */
function sumsOf(
  owners: Int32Array,
  at: number,
  writes: readonly Placed[],
  known: KnownSums,
): { readonly crcAfter: number; readonly sectorsAfter: Uint32Array } {
  const sectorsAfter = new Uint32Array(owners.length);
  let crcAfter = 0;
  for (let first = 0; first < owners.length; ) {
    const write = writes[owners[first] ?? -1]?.write;
    if (write === undefined) throw new Error('a sector between two writes has no content');
    let past = first + 1;
    while (past < owners.length && owners[past] === owners[first]) past++;
    // asked for once: they may be loaded each time
    const content = partOf(write, at + first * SECTOR_SIZE, (past - first) * SECTOR_SIZE);
    if (content.length < LONG) {
      sumSectors(content, sectorsAfter, first);
      crcAfter = extendCrc(crcAfter, content);
    } else {
      const { crc, sectors } = sumsOfLong(content, known);
      sectorsAfter.set(sectors, first);
      crcAfter = joinCrcs(crcAfter, crc, content.length);
    }
    first = past;
  }
  return { crcAfter, sectorsAfter };
}

/** To sum so many bytes takes longer than to join their sum to another. */
const LONG = 1 << 16;

/** Sums of what was summed before, as long as somebody else keeps that: both copies of a table are the same memory. */
type KnownSums = WeakMap<Uint8Array, { readonly crc: number; readonly sectors: Uint32Array }>;

function sumsOfLong(content: Uint8Array, known: KnownSums) {
  const found = known.get(content);
  if (found !== undefined) return found;
  const sectors = new Uint32Array(content.length / SECTOR_SIZE);
  sumSectors(content, sectors, 0);
  const sums = { crc: extendCrc(0, content), sectors };
  known.set(content, sums);
  return sums;
}

function sumSectors(content: Uint8Array, into: Uint32Array, first: number): void {
  for (let done = 0; done < content.length; done += SECTOR_SIZE)
    into[first + done / SECTOR_SIZE] = extendCrc(0, content.subarray(done, done + SECTOR_SIZE));
}

function sectorOf(write: Write, at: number): Uint8Array {
  return partOf(write, at, SECTOR_SIZE);
}

function partOf(write: Write, at: number, length: number): Uint8Array {
  const { bytes } = write;
  return length === bytes.length ? bytes : bytes.subarray(at - write.at, at - write.at + length);
}

/** What `length` bytes from `at` will hold after all phases; undefined unless all of them are written. */
export function afterBytes(phases: readonly Phase[], at: Bytes, length: Bytes): Uint8Array | undefined {
  const content = new Uint8Array(length);
  const written = new Uint8Array(length / SECTOR_SIZE);
  for (const write of phases.flatMap(({ writes }) => writes)) {
    if (write.at >= at + length) continue;
    const from = Math.max(at, write.at);
    const to = Math.min(at + length, write.at + write.bytes.length);
    if (from >= to) continue;
    content.set(write.bytes.subarray(from - write.at, to - write.at), from - at);
    written.fill(1, (from - at) / SECTOR_SIZE, (to - at) / SECTOR_SIZE);
  }
  return written.every((one) => one === 1) ? content : undefined;
}
