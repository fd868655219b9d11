import { ENTRY_SIZE, RemapTable } from '../format/entry.js';
import {
  decodeHeader,
  encodeHeader,
  HEADER_SIZE,
  type Header,
  MAGIC,
  STATE,
  VERSION,
} from '../format/header.js';
import { MODULE_CAPACITY } from '../format/module.js';
import { firstMainsAfter, previousChecksum, verifiesAfter, withFirstMain } from '../format/module-proof.js';
import { isFiller, type ModuleEvidence } from '../format/module-recognition.js';
import type { Sectors } from '../units.js';
import { type Content, contentOf } from './content.js';
import type { Copy } from './copy.js';

/** What became of the main sector of entry 0, over which the module writes the end of its header. */
export type FirstEntry =
  | { readonly kind: 'none' }
  /** It was not written over, or came back as the checksum says. */
  | { readonly kind: 'kept' }
  /** The checksum gives it back; `reads` is what stands there now. */
  | { readonly kind: 'proven'; readonly main: number; readonly reads: number }
  | { readonly kind: 'lost'; readonly reads: number; readonly spare: number };

/**
 * What the table is beside its header. whole: it is the header's own. unfinished: the header was written, and as
 * many entries are there, of this table or of the one before. torn: entries of the table before, under a newer
 * header. missing: no entry at all under a header that counts some.
 */
export type ModuleTable = 'whole' | 'unfinished' | 'torn' | 'missing';

/** The metadata of the kernel module as this program understands it. */
export interface ModuleImage {
  readonly evidence: ModuleEvidence;
  /** As it lies. */
  readonly header: Header;
  /** accepted: the module reads it. proven: the module does not, its checksum proves it. guess: neither. */
  readonly standing: 'accepted' | 'proven' | 'guess';
  readonly table: ModuleTable;
  readonly first: FirstEntry;
  /** Slots among the counted ones that no remap uses. */
  readonly fillers: number;
  /** The slot of each entry of `content`, where it lies on the spare. */
  readonly slots: readonly number[];
  /**
   * As a plain set would hold it: the entries that are known, without entry 0 where its main sector is lost. Where
   * the module wrote no sizes and main was not named, main_device_size is 0.
   */
  readonly content: Content;
  /** The same as the copy that would count, for the rules of a plain set. */
  readonly copy: Copy;
}

/** What is known from elsewhere. */
export interface AroundModule {
  /** The place of the module's header, as it was read. */
  readonly primary: Copy;
  readonly spareSize: Sectors;
  /** Of --main; the module does not always write it. */
  readonly mainSize: Sectors | undefined;
}

/**
 * Reads what the module left: the one place where its layout becomes a content.
 *
 * @param front the first MODULE_METADATA_SIZE bytes of the spare, which `evidence` was found in
 */
export function readModuleImage(
  front: Uint8Array,
  evidence: ModuleEvidence,
  around: AroundModule,
): ModuleImage {
  const header = decodeHeader(front);
  const block = front.subarray(0, HEADER_SIZE);
  const counted = tableOf(front, upTo(header.entry_count));
  const live = upTo(header.entry_count).filter((slot) => !isFiller(counted, slot));
  const image = (reading: Reading, entries: readonly number[]): ModuleImage => {
    const table = withFirst(tableOf(front, entries), reading.first);
    const content = plainContent(block, header, table, around);
    const copy = { ...around.primary, header: content.header, block: content.block, faults: [] };
    const fillers = header.entry_count - live.length;
    return { evidence, header, fillers, slots: entries, ...reading, content, copy };
  };
  if (evidence.form === 'accepted')
    return image({ standing: 'accepted', table: 'whole', first: keptOf(live) }, live);
  if (isProvenAsItLies(block, counted))
    return image({ standing: 'proven', table: 'whole', first: keptOf(live) }, live);
  if (header.state === STATE.writing) {
    const run = runOf(front);
    return image({ standing: 'guess', table: tableBeside(header, live, run), first: keptOf(run) }, run);
  }
  const first = firstEntryOf(block, counted, mainSizeOf(header, around));
  const standing = first.kind === 'proven' ? 'proven' : 'guess';
  const known = first.kind === 'lost' ? live.filter((slot) => slot > 0) : live;
  return image({ standing, table: 'whole', first }, known);
}

type Reading = Pick<ModuleImage, 'standing' | 'table' | 'first'>;

function keptOf(slots: readonly number[]): FirstEntry {
  return { kind: slots.length === 0 ? 'none' : 'kept' };
}

/**
 * Of a header that was never finished.
 *
 * @param live the slots that it counts
 * @param run those that hold entries
 */
function tableBeside(header: Header, live: readonly number[], run: readonly number[]): ModuleTable {
  if (run.length === 0) return header.entry_count === 0 ? 'whole' : 'missing';
  return run.length === live.length ? 'unfinished' : 'torn';
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, slot) => slot);
}

/** The entries in these slots. */
function tableOf(front: Uint8Array, slots: readonly number[]): RemapTable {
  const entries = slots.map((slot) =>
    front.subarray(HEADER_SIZE + slot * ENTRY_SIZE, HEADER_SIZE + (slot + 1) * ENTRY_SIZE),
  );
  return new RemapTable(new Uint8Array(Buffer.concat(entries)));
}

/** The slots from 0 on whose spare sectors run on without a gap, whatever the header counts. */
function runOf(front: Uint8Array): number[] {
  const all = tableOf(front, upTo(MODULE_CAPACITY));
  const end = upTo(MODULE_CAPACITY).find(
    (slot) => isFiller(all, slot) || all.spareSector(slot) !== all.spareSector(0) + slot,
  );
  return upTo(end ?? MODULE_CAPACITY);
}

function mainSizeOf({ main_device_size }: Header, { mainSize }: AroundModule): number | undefined {
  return main_device_size === 0n ? mainSize : Number(main_device_size);
}

function isProvenAsItLies(block: Uint8Array, { bytes }: RemapTable): boolean {
  const previous = previousChecksum(block);
  return previous !== undefined && verifiesAfter(previous, { block, table: bytes });
}

function firstEntryOf(block: Uint8Array, counted: RemapTable, mainSize: number | undefined): FirstEntry {
  if (counted.count === 0 || isFiller(counted, 0)) return { kind: 'none' };
  const reads = counted.mainSector(0);
  const spare = counted.spareSector(0);
  const previous = previousChecksum(block);
  // where something else stands there, a header was read before, and its checksum is not known
  const mains =
    previous === undefined || reads !== 0
      ? []
      : firstMainsAfter(previous, { block, table: counted.bytes }, mainSize);
  const [main, other] = mains;
  if (main === undefined || other !== undefined || hasMain(counted, main))
    return { kind: 'lost', reads, spare };
  return { kind: 'proven', main, reads };
}

/** Of an entry behind the first. */
function hasMain(table: RemapTable, main: number): boolean {
  for (let index = 1; index < table.count; index++) if (table.mainSector(index) === main) return true;
  return false;
}

function withFirst(table: RemapTable, first: FirstEntry): RemapTable {
  return first.kind === 'proven' ? new RemapTable(withFirstMain(table.bytes, BigInt(first.main))) : table;
}

/** A plain set's header with all that the module's own says. */
function plainContent(block: Uint8Array, header: Header, table: RemapTable, around: AroundModule): Content {
  const bare = header.magic !== MAGIC;
  const fields: Partial<Header> = {
    magic: MAGIC,
    version: VERSION,
    max_entries: MODULE_CAPACITY,
    entry_count: table.count,
    state: header.state === STATE.error ? STATE.error : STATE.clean,
    main_device_size: BigInt(mainSizeOf(header, around) ?? 0),
    spare_device_size: spareSizeOf(header, around.spareSize),
    // it counts on at every remap only where it has read a header
    total_remaps_created: larger(header.total_remaps_created, BigInt(table.count)),
    ...(bare ? { creation_time: header.last_update_time } : {}),
  };
  return contentOf(encodeHeader(fields, block), table);
}

/** A plain set takes all of its device; that one has become smaller is for the rules to say. */
function spareSizeOf({ spare_device_size }: Header, real: Sectors): bigint {
  return larger(spare_device_size, BigInt(real));
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
