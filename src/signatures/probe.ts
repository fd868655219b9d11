import { type Bytes, bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';
import { type ByteRange, range, resolvePlace, type Signature, type SignatureRow } from './signature.js';
import { signatureTable } from './table.js';
import { BlockWindow, type ProbeRead } from './window.js';

export interface ProbeOptions {
  /** Only signatures whose magic lies entirely in [from, to), in bytes; nothing else is read for. */
  readonly within?: { readonly from: Bytes; readonly to: Bytes };
  /**
   * A magic that begins with text is enough, however little else of the structure is there. For deciding what must not be
   * overwritten: half a partition table may be all that somebody has left.
   */
  readonly textIsEnough?: boolean;
}

/** The fewest characters of a magic that chance does not write at one given place. */
const TELLING_TEXT = 4;

/** A row at one of its places: where its structure may begin, once or several times in a ring. */
interface Candidate {
  readonly row: SignatureRow;
  readonly starts: readonly number[];
}

/**
 * What is on a device by the marks that filesystems, partition tables, RAID, volume managers and we ourselves
 * leave at both of its ends, in the order of their places.
 *
 * It reads at most about 620 KiB in some 20 requests (on 4096-byte boundaries, up to the end of the device),
 * none over 64 KiB; a part that cannot be read holds no signature. `size` is the device's size in bytes; what
 * is smaller than a structure cannot hold it. Throws only what `read` throws.
 */
export async function probeSignatures(
  read: ProbeRead,
  size: Bytes,
  options: ProbeOptions = {},
): Promise<Signature[]> {
  const candidates = signatureTable.flatMap((row) => candidatesOf(row, size, options));
  const window = new BlockWindow(read, size);
  for (const { row, starts } of candidates) {
    for (const at of starts) window.want(at, lengthOf(row));
  }
  await window.load();

  const found = candidates.flatMap((candidate) => examine(candidate, window, size, options) ?? []);
  return found.sort((a, b) => a.at - b.at);
}

/** Those of the signatures whose magic lies entirely in [from, to), in bytes. */
export function signaturesWithin(found: readonly Signature[], from: Bytes, to: Bytes): Signature[] {
  return found.filter(({ at, length }) => at >= from && at + length <= to);
}

function lengthOf(row: SignatureRow): number {
  return Math.max(row.needs ?? 0, row.magicAt + row.magics[0].length);
}

function candidatesOf(row: SignatureRow, size: Bytes, { within }: ProbeOptions): Candidate[] {
  const length = lengthOf(row);
  const { step, count } = row.ring ?? { step: 0, count: 1 };
  // Two places of a row may be the same on a small device.
  const places = new Set(row.places.map((place) => resolvePlace(place, size)));
  const candidates: Candidate[] = [];
  for (const place of places) {
    if (place === undefined) continue;
    const starts = Array.from({ length: count }, (_, index) => place + index * step).filter((at) => {
      const magic = at + row.magicAt;
      const asked = !within || (magic >= within.from && magic + row.magics[0].length <= within.to);
      return asked && at + length <= size;
    });
    if (starts.length > 0) candidates.push({ row, starts });
  }
  return candidates;
}

function examine(
  { row, starts }: Candidate,
  window: BlockWindow,
  size: Bytes,
  options: ProbeOptions,
): Signature | undefined {
  const hits = starts.filter((at) => matches(row, at, window, size, options)).map((at) => at + row.magicAt);
  const first = hits[0];
  if (first === undefined) return undefined;
  const length = row.magics[0].length;
  return {
    id: row.id,
    name: row.name,
    ours: row.ours ?? false,
    at: bytes(first),
    length,
    erase: hits.map((magic) => sectorsAround(magic, length)),
  };
}

function matches(
  row: SignatureRow,
  at: number,
  window: BlockWindow,
  size: Bytes,
  { textIsEnough }: ProbeOptions,
): boolean {
  const structure = window.view(at, lengthOf(row));
  if (structure === undefined) return false;
  const magic = row.magics.find((candidate) =>
    candidate.every((byte, index) => structure.getUint8(row.magicAt + index) === byte),
  );
  if (magic === undefined) return false;
  if (textIsEnough && magic.length >= TELLING_TEXT && magic.subarray(0, TELLING_TEXT).every(isPrintable))
    return true;
  return row.plausible?.(structure, { at, size }) ?? true;
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e;
}

function sectorsAround(at: number, length: number): ByteRange {
  const from = roundDown(at, SECTOR_SIZE);
  return range(from, roundUp(at + length, SECTOR_SIZE) - from);
}
