import { generationAfterFailure, nextGeneration } from '../format/generation.js';
import { backupHeaderPlace, plainGeometry, redundantGeometry } from '../format/geometry.js';
import {
  EXT_MAGIC,
  type Header,
  hasExtension,
  isRedundant,
  RO_COMPAT_BACKUP_COPY,
  STATE,
} from '../format/header.js';
import { type Bytes, bytes, bytesToSectors, type Sectors, sectors } from '../units.js';
import { eraseHeader, headerSector, wholeCopy } from './commit.js';
import { type Content, nextContent, placeOf, underGeneration } from './content.js';
import type { Phase } from './phase.js';

/** The shape that a set is to get: what `convert` and `resize` change. */
export interface Shape {
  readonly layout: 'redundant' | 'plain';
  readonly maxEntries: number;
}

/** Of a spare: one of ours, or that of the kernel module (format.md section 7). */
export type Layout = Shape['layout'] | 'module';

/** Identities for a set that has none yet: a plain image without an extension. */
export interface FreshIdentity {
  readonly setUuid: string;
  readonly spareUuid: string;
}

export function shapeOf(header: Header): Shape {
  return { layout: isRedundant(header) ? 'redundant' : 'plain', maxEntries: header.max_entries };
}

/** The sectors that entries may name: from the first one up to, and without, `end`. */
export interface DataArea {
  readonly start: Sectors;
  readonly end: Sectors;
}

/** Of a set of this shape on a device of this size; empty or less where it does not fit. */
export function dataArea({ layout, maxEntries }: Shape, size: Bytes): DataArea {
  const geometry =
    layout === 'redundant'
      ? redundantGeometry(backupHeaderPlace(size), maxEntries)
      : plainGeometry(bytesToSectors(size), maxEntries);
  return { start: geometry.data_start, end: sectors(geometry.data_start + geometry.data_sectors) };
}

/**
 * The content of the commit that gives the set this shape: the same entries, in one more generation. A set
 * that becomes plain keeps its identity.
 *
 * @param now Unix seconds
 */
export function relaidContent(
  content: Content,
  shape: Shape,
  size: Bytes,
  identity: FreshIdentity,
  now: bigint,
): Content {
  const { header } = content;
  const changes: Partial<Header> = {
    max_entries: shape.maxEntries,
    spare_device_size: BigInt(bytesToSectors(size)),
    state: STATE.clean,
  };
  if (shape.layout === 'redundant' && !hasExtension(header))
    Object.assign(changes, {
      ext_magic: EXT_MAGIC,
      set_uuid: identity.setUuid,
      spare_uuid: identity.spareUuid,
    });
  if (shape.layout === 'redundant' || hasExtension(header))
    Object.assign(changes, extensionFor(header, shape, size));
  return nextContent(content, changes, now);
}

function extensionFor(header: Header, { layout, maxEntries }: Shape, size: Bytes): Partial<Header> {
  const redundant = layout === 'redundant';
  const geometry = redundant
    ? redundantGeometry(backupHeaderPlace(size), maxEntries)
    : plainGeometry(bytesToSectors(size), maxEntries);
  // the sign bit makes ~ negative: flags are unsigned
  const others = (header.ro_compat_flags & ~RO_COMPAT_BACKUP_COPY) >>> 0;
  return {
    ro_compat_flags: redundant ? (others | RO_COMPAT_BACKUP_COPY) >>> 0 : others,
    data_start: BigInt(geometry.data_start),
    data_sectors: BigInt(geometry.data_sectors),
    primary_header: BigInt(geometry.primary_header),
    backup_header: BigInt(geometry.backup_header),
    backup_table: BigInt(geometry.backup_table),
  };
}

/**
 * The writes from one shape to another, where both contents have the same entries and none of them lies where
 * the second puts a table. The primary table stays where it is and what it is, so that the primary takes the
 * new shape by its first sector: at every instant it is whole, in the one shape or in the other, and while a
 * backup is written over the old one it is the copy that counts (format.md section 4).
 *
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function relayoutPhases(before: Content, after: Content, logicalBlockSize: number): Phase[] {
  const primary = headerSector(after, 'primary', logicalBlockSize);
  if (isRedundant(after.header))
    return [writeBackup(before, after, logicalBlockSize), standingInBackup(primary, after, logicalBlockSize)];
  if (!isRedundant(before.header)) return [primary];
  return [eraseBackup(before, logicalBlockSize), withoutBackup(primary, before, logicalBlockSize)];
}

function writeBackup(before: Content, after: Content, logicalBlockSize: number): Phase {
  const { header } = after;
  const generation = generationAfterFailure(header.generation);
  const { headerAt } = placeOf(header, 'backup');
  return {
    purpose: `commit generation ${header.generation} to the backup copy, written in full`,
    writes: wholeCopy(after, 'backup'),
    // the backup may hold the new generation: no other content ever gets it
    ifFails: {
      copy: isRedundant(before.header) ? 'backup' : undefined,
      secure: [headerSector(underGeneration(before, generation), 'primary', logicalBlockSize)],
      tidy: [eraseHeader(headerAt, logicalBlockSize, 'the backup header')],
      stands: 'before',
      generation,
    },
  };
}

/** The backup holds the new shape: it stands there. */
function standingInBackup(phase: Phase, { header }: Content, logicalBlockSize: number): Phase {
  const tidy = [eraseHeader(bytes(0), logicalBlockSize, 'the primary header')];
  const { generation } = header;
  return { ...phase, ifFails: { copy: 'primary', secure: [], tidy, stands: 'after', generation } };
}

function eraseBackup({ header }: Content, logicalBlockSize: number): Phase {
  const { headerAt } = placeOf(header, 'backup');
  const phase = eraseHeader(headerAt, logicalBlockSize, 'the backup header');
  return { ...phase, ifFails: { copy: 'backup', secure: [], tidy: [], stands: 'before' } };
}

/** The backup is gone and the primary is unknown: the backup is made again, beyond what was tried. */
function withoutBackup(phase: Phase, before: Content, logicalBlockSize: number): Phase {
  const generation = generationAfterFailure(nextGeneration(before.header.generation));
  const again: Content = { ...before, ...underGeneration(before, generation) };
  return {
    ...phase,
    ifFails: {
      copy: 'primary',
      secure: [{ purpose: 'write the backup copy again', writes: wholeCopy(again, 'backup') }],
      tidy: [eraseHeader(bytes(0), logicalBlockSize, 'the primary header')],
      stands: 'before',
      generation,
    },
  };
}
