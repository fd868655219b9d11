import { RemapTable } from '../format/entry.js';
import { FIRST_GENERATION } from '../format/generation.js';
import { backupHeaderPlace, plainGeometry, redundantGeometry } from '../format/geometry.js';
import {
  EXT_MAGIC,
  encodeHeader,
  type Header,
  isRedundant,
  MAGIC,
  RO_COMPAT_BACKUP_COPY,
  STATE,
  VERSION,
} from '../format/header.js';
import { type Bytes, bytes, bytesToSectors, roundDown, roundUp, type Sectors } from '../units.js';
import { eraseHeader, wholeCopy } from './commit.js';
import { type Content, contentOf, tableBlocks } from './content.js';
import type { CopyName } from './copy.js';
import type { IfFails, Phase, Write } from './phase.js';

export interface FreshSet {
  readonly layout: 'redundant' | 'plain';
  /** Of the spare, in bytes. */
  readonly size: Bytes;
  readonly maxEntries: number;
  readonly mainSize: Sectors;
  /** main_id, empty if main has none. */
  readonly mainId: string;
  readonly setUuid: string;
  readonly spareUuid: string;
  /** Unix seconds. */
  readonly now: bigint;
}

/** The content of a set without remaps. data_sectors is negative where the capacity does not fit the device. */
export function freshContent(set: FreshSet): Content {
  const base: Partial<Header> = {
    magic: MAGIC,
    version: VERSION,
    creation_time: set.now,
    last_update_time: set.now,
    max_entries: set.maxEntries,
    main_device_size: BigInt(set.mainSize),
    spare_device_size: BigInt(bytesToSectors(set.size)),
    state: STATE.clean,
    generation: FIRST_GENERATION,
  };
  const extension = set.layout === 'redundant' ? redundantExtension(set) : {};
  return contentOf(encodeHeader({ ...base, ...extension }), new RemapTable(new Uint8Array(0)));
}

/** Data sectors that such a set would have: not positive where it does not fit. */
export function freshDataSectors({
  layout,
  size,
  maxEntries,
}: Pick<FreshSet, 'layout' | 'size' | 'maxEntries'>): number {
  return layout === 'redundant'
    ? redundantGeometry(backupHeaderPlace(size), maxEntries).data_sectors
    : plainGeometry(bytesToSectors(size), maxEntries).data_sectors;
}

function redundantExtension(set: FreshSet): Partial<Header> {
  const geometry = redundantGeometry(backupHeaderPlace(set.size), set.maxEntries);
  return {
    ext_magic: EXT_MAGIC,
    ro_compat_flags: RO_COMPAT_BACKUP_COPY,
    data_start: BigInt(geometry.data_start),
    data_sectors: BigInt(geometry.data_sectors),
    primary_header: BigInt(geometry.primary_header),
    backup_header: BigInt(geometry.backup_header),
    backup_table: BigInt(geometry.backup_table),
    set_uuid: set.setUuid,
    spare_uuid: set.spareUuid,
    main_id: set.mainId,
  };
}

/** Bytes of a device that are to become zero so that nothing finds what was there. */
export interface Erasure {
  readonly at: Bytes;
  readonly length: number;
  /** A copy that is older than the set in use. */
  readonly first?: boolean;
}

/**
 * The phases that make these places zero, widened to whole logical blocks; none where there is nothing. What is
 * older than the set in use goes first: a power cut between must not bring it back.
 */
export function erase(erasures: readonly Erasure[], logicalBlockSize: number): Phase[] {
  const older = erasures.filter(({ first = false }) => first);
  const others = erasures.filter(({ first = false }) => !first);
  return [
    { purpose: 'erase the older copy that was there before', writes: zeros(older, logicalBlockSize) },
    { purpose: 'erase what was found there before', writes: zeros(others, logicalBlockSize) },
  ].filter(({ writes }) => writes.length > 0);
}

function zeros(erasures: readonly Erasure[], logicalBlockSize: number): Write[] {
  return erasures.map(({ at, length }) => {
    const from = roundDown(at, logicalBlockSize);
    return { at: bytes(from), bytes: new Uint8Array(roundUp(at + length, logicalBlockSize) - from) };
  });
}

/**
 * The writes that make a fresh set: what was there is gone before the first copy is whole, and the primary,
 * by which the set is found first, comes last.
 */
export function createPhases(content: Content, logicalBlockSize: number): Phase[] {
  const blocks = tableBlocks(content.table);
  const write = (copy: CopyName): Phase => ({
    purpose: `write the ${copy} copy`,
    writes: wholeCopy(content, copy, blocks),
  });
  if (!isRedundant(content.header)) return [write('primary')];
  // the backup holds the set: it stands there
  const tidy = [eraseHeader(bytes(0), logicalBlockSize, 'the primary header')];
  const { generation } = content.header;
  const ifFails: IfFails = { copy: 'primary', secure: [], tidy, stands: 'after', generation };
  return [write('backup'), { ...write('primary'), ifFails }];
}
