/** Sizes and sectors as people type them, on the command line and to a server. Exact: parsed as bigint, then given their unit. */
import { DmremapError } from '../errors.js';
import { type Bytes, bytes, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { quoted } from './quoted.js';

/** A run of sectors on one device. */
export interface SectorRange {
  readonly first: Sectors;
  readonly count: Sectors;
}

const POWERS: { readonly [suffix: string]: bigint } = {
  K: 1n << 10n,
  M: 1n << 20n,
  G: 1n << 30n,
  T: 1n << 40n,
  P: 1n << 50n,
};

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER);

/** Bytes, or with a suffix K M G T P (powers of 1024) or s (sectors of 512 bytes). */
export function parseSize(text: string): Bytes {
  const match = /^(\d+)([KMGTPkmgtp]|s)?$/.exec(text);
  if (match === null) {
    throw usage(
      `${quoted(text)} is not a size`,
      'A size is a whole number of bytes, or one with K, M, G, T, P (powers of 1024) or s (sectors of 512 bytes).',
    );
  }
  const [, digits = '', suffix = ''] = match;
  const factor = suffix === 's' ? BigInt(SECTOR_SIZE) : (POWERS[suffix.toUpperCase()] ?? 1n);
  const size = BigInt(digits) * factor;
  if (size > LARGEST) {
    throw usage(`${quoted(text)} is too large: sizes end at 8P`);
  }
  return bytes(Number(size));
}

/** A whole number that is at least `least`. */
export function parseCount(text: string, least = 0): number {
  const value = /^\d+$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value < BigInt(least) || value > LARGEST) {
    throw usage(`${quoted(text)} is not a whole number${least > 0 ? ` from ${least} up` : ''}`);
  }
  return Number(value);
}

/** One sector, `N`; the sectors from N to M with both ends, `N-M`; or COUNT sectors from N, `N+COUNT`. */
export function parseSectors(text: string): SectorRange {
  const match = /^(\d+)(?:([-+])(\d+))?$/.exec(text);
  if (match === null) {
    throw usage(`${quoted(text)} is not a sector`, 'A sector is written as N, a range as N-M or N+COUNT.');
  }
  const [, from = '', sign, to = ''] = match;
  const first = BigInt(from);
  const count = sign === '+' ? BigInt(to) : sign === '-' ? BigInt(to) - first + 1n : 1n;
  if (count < 1n) {
    throw usage(`${quoted(text)} holds no sector`);
  }
  // The end is bounded in bytes, so that no offset that is derived from it can lose a bit.
  if ((first + count) * BigInt(SECTOR_SIZE) > LARGEST) {
    throw usage(`${quoted(text)} is beyond the end of any device`);
  }
  return { first: sectors(Number(first)), count: sectors(Number(count)) };
}

function usage(message: string, hint?: string): DmremapError {
  return new DmremapError('usage', message, hint === undefined ? {} : { hint });
}
