import { RemapTable, renumberEntries } from '../format/entry.js';
import { generationAfterFailure } from '../format/generation.js';
import { encodeHeader, type Header, hasExtension, ROLE, STATE } from '../format/header.js';
import { type Content, contentOf } from '../store/content.js';
import { type FreshSet, freshContent } from '../store/create.js';
import { type Bytes, type Sectors, sectors } from '../units.js';
import { generationAfter } from './pairs.js';

/** What the spare is that a set is moved to. */
export interface TargetRequest {
  /** Of the device, in bytes. */
  readonly size: Bytes;
  readonly maxEntries: number;
  readonly spareUuid: string;
  /** The newest that anything on the device claims; undefined where nothing of ours was there. */
  readonly newest: number | undefined;
  /** Unix seconds. */
  readonly now: bigint;
}

/**
 * What step 1 of format.md section 8 writes: an incomplete spare of the source's set, with its counters and
 * its entries, whose data is yet to come.
 *
 * @param source has an extension
 * @param order of its entries, by where their data lies
 */
export function targetContent(source: Content, order: Uint32Array, request: TargetRequest): Content {
  const { header } = source;
  const fresh: FreshSet = {
    layout: 'redundant',
    size: request.size,
    maxEntries: request.maxEntries,
    mainSize: sectors(Number(header.main_device_size)),
    mainId: header.main_id,
    setUuid: header.set_uuid,
    spareUuid: request.spareUuid,
    now: request.now,
  };
  const { block, header: made } = freshContent(fresh);
  const table = denseTable(source.table, order, sectors(Number(made.data_start)));
  const changes: Partial<Header> = {
    ...inherited(header),
    entry_count: table.count,
    role: ROLE.target,
    peer_uuid: header.spare_uuid,
    peer_generation: header.generation,
    migration_cursor: 0n,
    ...(request.newest === undefined ? {} : { generation: generationAfterFailure(request.newest) }),
  };
  return contentOf(encodeHeader(changes, block), table);
}

/**
 * The same entries on another spare: from this sector on without a gap.
 *
 * @param order that in which their data lies on the source
 */
export function denseTable(source: RemapTable, order: Uint32Array, start: Sectors): RemapTable {
  return new RemapTable(renumberEntries(source, order, start));
}

/** What a target takes over from its source, as long as it is one: counters, and what main is. */
export function inherited(source: Header): Partial<Header> {
  const { total_remaps_created, main_device_size } = source;
  if (!hasExtension(source)) return { total_remaps_created, main_device_size };
  const { main_id, lost_remaps, auto_remaps, manual_remaps, write_errors, read_errors } = source;
  return {
    total_remaps_created,
    main_device_size,
    main_id,
    lost_remaps,
    auto_remaps,
    manual_remaps,
    write_errors,
    read_errors,
  };
}

/** Step 3: all is there. `lost`: sectors of the source that could not be read. */
export function completed(source: Header, entries: number, lost: number): Partial<Header> {
  return {
    ...inherited(source),
    lost_remaps: source.lost_remaps + BigInt(lost),
    state: STATE.clean,
    migration_cursor: BigInt(entries),
    peer_generation: source.generation,
  };
}

/** Step 4: the source makes way for this target. */
export function retired(target: Header): Partial<Header> {
  return {
    role: ROLE.retired,
    state: STATE.clean,
    peer_uuid: target.spare_uuid,
    peer_generation: target.generation,
  };
}

/** A source whose retirement has not come about is what it was before. */
export function notRetired(before: Header): Partial<Header> {
  const { role, state, peer_uuid, peer_generation } = before;
  return { role, state, peer_uuid, peer_generation };
}

/** Step 5: the target takes over from a source of this generation. */
export function activated(target: Header, source: number): Partial<Header> {
  return { role: ROLE.active, generation: generationAfter(source, target.generation) };
}
