import { type Bytes, bytes, roundDown } from '../units.js';

/** A run of bytes on a device. */
export interface ByteRange {
  readonly at: Bytes;
  readonly length: number;
}

/** Something that was found on a device. */
export interface Signature {
  /** Stable, for scripts and tests: `ext4`, `gpt-backup`. */
  readonly id: string;
  /** As people call it: `ext4 filesystem`. Two finds may share a name (a ZFS member has four labels). */
  readonly name: string;
  /** It is a DMREMAP3 header and no foreign content. */
  readonly ours: boolean;
  /** Where the magic lies. */
  readonly at: Bytes;
  readonly length: number;
  /** Whole 512-byte sectors; once they are zero, nothing finds this signature again. */
  readonly erase: readonly ByteRange[];
}

/**
 * A place where a structure may begin: `at` bytes from the start of the device; or `plus` bytes after the
 * multiple of `align` that lies at or below `beforeEnd` bytes before the end.
 */
export type Place =
  | { readonly at: number }
  | { readonly beforeEnd: number; readonly align: number; readonly plus: number };

/** What a plausibility check may ask beside the bytes themselves. */
export interface PlaceFacts {
  /** Where the structure begins on the device, in bytes. */
  readonly at: number;
  /** Size of the device in bytes. */
  readonly size: number;
}

/** A row of the table: one kind of content and how to tell it. */
export interface SignatureRow {
  readonly id: string;
  readonly name: string;
  readonly ours?: true;
  /** Each yields at most one find. */
  readonly places: readonly Place[];
  /** The structure may also begin at `count` places, `step` bytes apart; all hits together are one find. */
  readonly ring?: { readonly step: number; readonly count: number };
  /** Offset of the magic in the structure. */
  readonly magicAt: number;
  /** Any one of these; all of one length. */
  readonly magics: readonly [Uint8Array, ...Uint8Array[]];
  /** How many bytes of the structure `plausible` looks at; without it, up to the end of the magic. */
  readonly needs?: number;
  /** Keeps chance matches of short magics away; offset 0 is the start of the structure. */
  readonly plausible?: (structure: DataView, facts: PlaceFacts) => boolean;
}

export function start(at: number): Place {
  return { at };
}

export function end(beforeEnd: number, align: number, plus = 0): Place {
  return { beforeEnd, align, plus };
}

/** Where a place lies on a device of this size, in bytes; undefined if the device is too small for it. */
export function resolvePlace(place: Place, size: number): number | undefined {
  if ('at' in place) return place.at < size ? place.at : undefined;
  if (place.beforeEnd > size) return undefined;
  return roundDown(size - place.beforeEnd, place.align) + place.plus;
}

/** The bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The bytes written as hexadecimal digits, blanks ignored. */
export function hex(digits: string): Uint8Array {
  const pairs = digits.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

export function range(at: number, length: number): ByteRange {
  return { at: bytes(at), length };
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}
