import {
  bytesOf,
  checksumOf,
  ENTRY_LENGTH,
  EXT_MAGIC,
  HEADER_LENGTH,
  MAGIC,
  putField,
  SECTOR,
  tableArea,
  u32,
  u64,
} from './format-numbers.js';

/** Where headers are looked for, and what each place holds (format.md section 5, first half). */

export interface Place {
  /** Byte of the header. */
  readonly at: number;
  readonly header: Buffer;
  /**
   * valid: a copy of version 1 in its own place. unsupported: the checksum is right, but the version or a
   * flag is from the future. invalid: anything else.
   */
  readonly kind: 'valid' | 'unsupported' | 'invalid';
  /** The bytes of the live entries; empty unless the checksum fits. */
  readonly live: Buffer;
}

export interface Places {
  readonly primary: Place;
  /** The end of the device, and where the primary points if that is elsewhere. */
  readonly backups: readonly Place[];
  /** Byte of the header that belongs to the end of the device; undefined if only a primary has room. */
  readonly end: number | undefined;
}

export function hasMagic(header: Buffer): boolean {
  return bytesOf(header, 'magic').equals(Buffer.from(MAGIC));
}

export function hasExtension(header: Buffer): boolean {
  return bytesOf(header, 'ext_magic').equals(Buffer.from(EXT_MAGIC));
}

export function examine(image: Buffer): Places {
  const primary = examineAt(image, 0);
  const lastBlock = Math.floor(image.length / HEADER_LENGTH) * HEADER_LENGTH - HEADER_LENGTH;
  const end = lastBlock > 0 ? lastBlock : undefined;
  const pointer = u64(primary.header, 'backup_header') * BigInt(SECTOR);
  const fits = pointer > 0n && pointer + BigInt(HEADER_LENGTH) <= BigInt(image.length);
  const places = new Set<number>();
  if (end !== undefined) places.add(end);
  if (fits) places.add(Number(pointer));
  return { primary, backups: [...places].map((at) => examineAt(image, at)), end };
}

const NOTHING = Buffer.alloc(0);

function examineAt(image: Buffer, at: number): Place {
  const header = image.subarray(at, at + HEADER_LENGTH);
  const live = hasMagic(header) ? sealedEntries(image, at, header) : undefined;
  if (live === undefined) return { at, header, kind: 'invalid', live: NOTHING };
  const fromTheFuture =
    u32(header, 'version') !== 1 || (hasExtension(header) && u32(header, 'incompat_flags') !== 0);
  if (fromTheFuture) return { at, header, kind: 'unsupported', live };
  if (u32(header, 'copy') !== (at === 0 ? 0 : 1)) return { at, header, kind: 'invalid', live: NOTHING };
  return { at, header, kind: 'valid', live };
}

/** The live entries if count, table and checksum of this header agree; undefined otherwise. */
function sealedEntries(image: Buffer, at: number, header: Buffer): Buffer | undefined {
  const count = u32(header, 'entry_count');
  const max = u32(header, 'max_entries');
  if (count > max) return undefined;
  const area = tableArea(max);
  const table = at === 0 ? HEADER_LENGTH : at - area;
  const within = at === 0 ? table + area <= image.length : table >= HEADER_LENGTH;
  if (!within) return undefined;
  const live = image.subarray(table, table + count * ENTRY_LENGTH);
  return checksumOf(header, live) === u32(header, 'checksum') ? live : undefined;
}

/** Whether a place that holds no valid copy shows that a set was here. */
export function isEvidence(image: Buffer, place: Place): boolean {
  const { header, at } = place;
  if (hasExtension(header)) return true;
  const right = Buffer.from(MAGIC);
  const flipped = bytesOf(header, 'magic').reduce((sum, byte, i) => sum + ones(byte ^ (right[i] ?? 0)), 0);
  if (flipped <= 8) return true;
  const mended = Buffer.from(header);
  putField(mended, 'magic', MAGIC);
  return sealedEntries(image, at, mended) !== undefined;
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

/** Generations are 1…0xFFFFFFFF in a circle; 0 is older than all of them. */
const CIRCLE = 0xffff_ffff;

/** How many commits `one` is ahead of `other`; 0 or less when it is not newer. */
export function ahead(one: number, other: number): number {
  if (one === other) return 0;
  if (one === 0) return -1;
  if (other === 0) return one;
  const distance = (one - other + CIRCLE) % CIRCLE;
  return distance <= CIRCLE >>> 1 ? distance : distance - CIRCLE;
}

/** Equal but for `checksum` and `copy`, live entries included. */
export function sameContent(one: Place, other: Place): boolean {
  const bare = (place: Place) => {
    const header = Buffer.from(place.header);
    putField(header, 'checksum', 0);
    putField(header, 'copy', 0);
    return header;
  };
  return bare(one).equals(bare(other)) && one.live.equals(other.live);
}
