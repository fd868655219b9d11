import type { Problem } from '../../check/finding.js';
import type { RemapTable } from '../../format/entry.js';
import type { Content } from '../../store/content.js';
import type { CopyName } from '../../store/copy.js';
import type { Bytes } from '../../units.js';

/**
 * How a content was found. put-right: as it lies, but for magic, version and copy. mixture: blocks of both
 * copies. count: another entry_count. other-header: the header of a dump with the table of a copy. one-bit: one
 * flipped bit. witness: a dump or an undo file whose checksum stands on the device. rebuilt: a table under a
 * header made anew.
 */
export type Kind = 'witness' | 'put-right' | 'mixture' | 'count' | 'other-header' | 'one-bit' | 'rebuilt';

/** A byte of a copy that the content has otherwise. */
export interface ByteChange {
  readonly what: 'byte';
  readonly copy: CopyName;
  /** On the device. */
  readonly byte: Bytes;
  readonly from: number;
  readonly to: number;
  /** The header field that it belongs to, or the entry. */
  readonly field?: string;
  readonly entry?: number;
}

/** A stretch in which the copies differ, and whose version the content has. */
export interface BlockChange {
  readonly what: 'block';
  readonly part: 'header' | 'table';
  /** From the start of the part, in bytes. */
  readonly at: Bytes;
  readonly length: number;
  readonly taken: CopyName;
}

/** A part that comes from a dump or an undo file. */
export interface WitnessChange {
  readonly what: 'witness';
  readonly part: 'header' | 'header and table';
  readonly taken: string;
}

export type Change = ByteChange | BlockChange | WitnessChange;

/** A content that a stored checksum fits, or that a witness vouches for. */
export interface Candidate {
  readonly kind: Kind;
  /** The header block, whose checksum and copy fields mean nothing here, and the live entries. */
  readonly content: Content;
  readonly generation: number;
  /** By section 6 of format.md. Of this generation only: see `problems` for what else the device claims. */
  readonly proven: boolean;
  /** S of section 6; the odds that a chance match stands among so many contents are searched / 2^32. */
  readonly odds: { readonly searched: bigint };
  /** Why it is proven, or all that keeps it from being so. */
  readonly why: string;
  /** Entries that the content has. */
  readonly keeps: number;
  /** Entries that a copy shows as live, that could be right, and that the content does not have. */
  readonly loses: number;
  /** Those entries, each once. */
  readonly lost: RemapTable;
  readonly changes: readonly Change[];
  /** Copies whose stored checksum is the one of this content, as it lies or put right by one bit. */
  readonly fits: readonly CopyName[];
  /** What check would say if the copies that fit lay there whole and the others as they are. */
  readonly problems: readonly Problem[];
}

/** How many contents each kind of search covered, in the order of section 6; 0 where it was not needed. */
export interface Searched {
  readonly witness: bigint;
  readonly mixture: bigint;
  readonly count: bigint;
  readonly otherHeader: bigint;
  readonly oneBit: bigint;
}

export interface Reconstruction {
  /** The best first. At most one is proven. */
  readonly candidates: readonly Candidate[];
  readonly searched: Searched;
  /** Every search that was begun was run to its end, and all that it found is listed. */
  readonly complete: boolean;
  /** What could not be searched, for people. */
  readonly limits: readonly string[];
}
