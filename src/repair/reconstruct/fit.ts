import { RemapTable } from '../../format/entry.js';
import { decodeHeader } from '../../format/header.js';
import { type Content, contentOf } from '../../store/content.js';
import { SECTOR_SIZE } from '../../units.js';
import type { Change, Kind } from './candidate.js';
import { checksumIn, normalBlock } from './normal.js';
import type { Place } from './place.js';
import type { Witness } from './reading.js';

/** A content that a search has found. The same content found twice is one fit. */
export interface Fit {
  readonly kind: Kind;
  readonly content: Content;
  /** CRC-32 of the live entries. */
  readonly tableCrc: number;
  /** Places whose stored checksum it fits, as it lies or corrected by the search. */
  readonly explains: Set<Place>;
  /** Places from which alone it was found. */
  readonly alone: Set<Place>;
  /** Contents that were searched for its sake although none of them could obey the rules. */
  readonly beyond: bigint;
  /** Dumps and undo files that hold the same. */
  readonly witnesses: Set<Witness>;
  readonly changes: readonly Change[];
}

/** What one search found and how far it looked. */
export interface SearchResult {
  readonly fits: readonly Fit[];
  /** Contents that it covered, of those that a rule had not decided before. */
  readonly covered: bigint;
  /** Why it could not be run to its end. */
  readonly limits: readonly string[];
}

export interface Found {
  readonly kind: Kind;
  readonly block: Uint8Array;
  /** The live entries; the fit keeps them, so they must not share memory with what was read. */
  readonly table: Uint8Array;
  readonly tableCrc: number;
  readonly explains: Iterable<Place>;
  readonly alone?: Iterable<Place>;
  readonly beyond?: bigint;
  readonly changes: readonly Change[];
}

export function makeFit({ kind, block, table, tableCrc, explains, alone, beyond, changes }: Found): Fit {
  return {
    kind,
    content: contentOf(normalBlock(block), new RemapTable(table)),
    tableCrc,
    explains: new Set(explains),
    alone: new Set(alone),
    beyond: beyond ?? 0n,
    witnesses: new Set(),
    changes,
  };
}

export function sameContent(a: Content, b: Content): boolean {
  return (
    Buffer.compare(a.block, b.block) === 0 &&
    a.table.bytes.length === b.table.bytes.length &&
    Buffer.compare(a.table.bytes, b.table.bytes) === 0
  );
}

/**
 * The places whose checksum, as it was read, is the one of this content; of backups, only where it names them.
 *
 * @param block in normal form
 * @param tableCrc CRC-32 of the live entries, which are `length` bytes
 */
export function placesStoring(
  block: Uint8Array,
  tableCrc: number,
  length: number,
  places: readonly Place[],
): Place[] {
  const backupAt = decodeHeader(block).backup_header * BigInt(SECTOR_SIZE);
  return places.filter(
    ({ name, headerAt, speaks, stored }) =>
      speaks &&
      (name === 'primary' || BigInt(headerAt) === backupAt) &&
      checksumIn(name, block, tableCrc, length) === stored,
  );
}
