import type { Bytes } from '../../units.js';

/** A stretch that two copies hold differently. */
export interface Difference {
  readonly part: 'header' | 'table';
  /** From the start of the part, in bytes. */
  readonly at: Bytes;
  /** What the first and the second source have there. */
  readonly versions: readonly [Uint8Array, Uint8Array];
}

/** Whose version the content must have, or that the rules leave it open. */
export type Decision = 'first' | 'second' | 'open';

export interface Piece extends Difference {
  readonly decision: Decision;
}

/** Blocks that break a rule in exactly one copy are decided by that (format.md section 6). */
export function decide(firstIsSound: boolean, secondIsSound: boolean): Decision {
  if (firstIsSound === secondIsSound) return 'open';
  return firstIsSound ? 'first' : 'second';
}
