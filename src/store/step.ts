import { extendCrc } from '../format/checksum.js';
import { ENTRY_SIZE, putEntry, RemapTable } from '../format/entry.js';
import { decodeHeader, type Header } from '../format/header.js';
import { crcAfterReplacing, crcWithoutTail } from '../format/table-crc.js';
import { BLOCK_SIZE, SECTOR_SIZE } from '../units.js';
import { type Content, contentOf, type Head, nextBlock } from './content.js';

/** A 4 KiB block of a table, at the same place in both copies. */
export interface TableBlock {
  /** From the start of the table, in bytes. */
  readonly offset: number;
  /** BLOCK_SIZE of them; zeros behind the live entries. */
  readonly bytes: Uint8Array;
}

/** From one content to the next, in copies of one shape: what a commit has to write, and no more. */
export interface Step {
  readonly before: Head;
  readonly after: Head;
  /** The blocks in which live entries become other ones or new ones, ascending. */
  readonly blocks: readonly TableBlock[];
  /** Confined to slots that were free and to the header's first sector: one copy can take it (section 4). */
  readonly atomic: boolean;
}

/** Sector numbers of an entry. */
export type NewEntry = readonly [main: number, spare: number];

/** What a commit is to change. Slots are those of the table before. */
export interface Change {
  /** entry_count, last_update_time and generation follow by themselves. */
  readonly header?: Partial<Header>;
  /** Slots that get another entry. */
  readonly edit?: ReadonlyMap<number, NewEntry>;
  /** Slots whose entries are dropped: the last entry moves into each hole. */
  readonly remove?: readonly number[];
  readonly append?: readonly NewEntry[];
}

/**
 * The step that makes this change. What it costs grows with the change and not with the table.
 *
 * @param now Unix seconds
 * @throws RangeError for a slot that is not live, more entries than fit, or a spare sector that one entry
 * leaves and another takes: it is free only once the commit without the first is durable
 */
export function stepOf(content: Content, change: Change, now: bigint): Step {
  const { table } = content;
  refuseReuse(table, change);
  const { slots, kept } = slotsAfter(table, change);
  const { append = [] } = change;
  const count = kept + append.length;
  if (count > content.header.max_entries)
    throw new RangeError(`${count} entries in a table of ${content.header.max_entries}`);
  const blocks = blocksOf(table, slots, kept, append);
  const block = nextBlock(content, { ...change.header, entry_count: count }, now);
  const after = { block, header: decodeHeader(block), tableCrc: crcAfter(table, blocks, count) };
  const onlyFreeSlots = slots.size === 0 && (append.length === 0 || kept >= table.count);
  return { before: content, after, blocks, atomic: onlyFreeSlots && sameBehindFirstSector(content, after) };
}

/** The step between two contents, found by comparing the tables. */
export function stepBetween(before: Content, after: Content): Step {
  const [old, fresh] = [before.table.bytes, after.table.bytes];
  const blocks: TableBlock[] = [];
  for (let offset = 0; offset < fresh.length; offset += BLOCK_SIZE) {
    const live = fresh.subarray(offset, offset + BLOCK_SIZE);
    if (Buffer.compare(live, old.subarray(offset, offset + live.length)) === 0) continue;
    const bytes = new Uint8Array(BLOCK_SIZE);
    bytes.set(live);
    blocks.push({ offset, bytes });
  }
  const common = Math.min(old.length, fresh.length);
  const onlyFreeSlots = Buffer.compare(old.subarray(0, common), fresh.subarray(0, common)) === 0;
  return { before, after, blocks, atomic: onlyFreeSlots && sameBehindFirstSector(before, after) };
}

/** What lies in the copies once the step is made from this content. */
export function contentAfter({ table }: Content, { after, blocks }: Step): Content {
  const length = after.header.entry_count * ENTRY_SIZE;
  const bytes = new Uint8Array(length);
  bytes.set(table.bytes.subarray(0, length));
  for (const block of blocks) bytes.set(block.bytes.subarray(0, length - block.offset), block.offset);
  return contentOf(after.block, new RemapTable(bytes, after.tableCrc));
}

function sameBehindFirstSector(before: Head, after: Head): boolean {
  return Buffer.compare(before.block.subarray(SECTOR_SIZE), after.block.subarray(SECTOR_SIZE)) === 0;
}

function refuseReuse(table: RemapTable, { edit = new Map(), remove = [], append = [] }: Change): void {
  const moved = [...edit].filter(([slot, [, spare]]) => spare !== table.spareSector(slot));
  const left = new Set([...remove, ...moved.map(([slot]) => slot)].map((slot) => table.spareSector(slot)));
  for (const [, spare] of [...append, ...moved.map(([, entry]) => entry)])
    if (left.has(spare)) throw new RangeError(`spare sector ${spare} is left and taken in one commit`);
}

/** An entry, or its bytes as they lie in another slot. */
type SlotAfter = NewEntry | Uint8Array;

/** The slots that hold another entry once some are edited and removed, and how many are live then. */
function slotsAfter(table: RemapTable, { edit = new Map(), remove = [] }: Change) {
  const slots = new Map<number, SlotAfter>();
  let count = table.count;
  const live = (slot: number): number => {
    if (Number.isInteger(slot) && slot >= 0 && slot < table.count) return slot;
    throw new RangeError(`slot ${slot} is not one of ${table.count}`);
  };
  for (const [slot, entry] of edit) slots.set(live(slot), entry);
  // from the last one on, so that no entry that is to go is moved into a hole
  for (const hole of [...new Set(remove)].sort((a, b) => b - a)) {
    const last = --count;
    const moving = slots.get(last) ?? table.bytes.slice(last * ENTRY_SIZE, (last + 1) * ENTRY_SIZE);
    slots.delete(last);
    if (live(hole) !== last) slots.set(hole, moving);
  }
  return { slots, kept: count };
}

/** @param kept entries are live before those that are appended */
function blocksOf(
  table: RemapTable,
  slots: ReadonlyMap<number, SlotAfter>,
  kept: number,
  append: readonly NewEntry[],
): TableBlock[] {
  const blocks = new Map<number, Uint8Array>();
  const live = (kept + append.length) * ENTRY_SIZE;
  const put = (slot: number, after: SlotAfter): void => {
    const offset = Math.floor((slot * ENTRY_SIZE) / BLOCK_SIZE) * BLOCK_SIZE;
    let bytes = blocks.get(offset);
    if (bytes === undefined) {
      bytes = new Uint8Array(BLOCK_SIZE);
      const end = Math.min(offset + BLOCK_SIZE, table.bytes.length, live);
      bytes.set(table.bytes.subarray(offset, Math.max(offset, end)));
      blocks.set(offset, bytes);
    }
    const at = slot * ENTRY_SIZE - offset;
    if (after instanceof Uint8Array) bytes.set(after, at);
    else putEntry(bytes, at, ...after);
  };
  for (const [slot, after] of [...slots].sort(([a], [b]) => a - b)) put(slot, after);
  for (const [index, entry] of append.entries()) put(kept + index, entry);
  return [...blocks].map(([offset, bytes]) => ({ offset, bytes }));
}

function crcAfter(table: RemapTable, blocks: readonly TableBlock[], count: number): number {
  const kept = Math.min(table.count, count) * ENTRY_SIZE;
  let crc = crcWithoutTail(table.crc, table.bytes.subarray(kept));
  for (const { offset, bytes } of blocks) {
    const replaced = table.bytes.subarray(offset, Math.min(offset + BLOCK_SIZE, kept));
    if (replaced.length > 0)
      crc = crcAfterReplacing(
        crc,
        replaced,
        bytes.subarray(0, replaced.length),
        kept - offset - replaced.length,
      );
    const end = Math.min(BLOCK_SIZE, count * ENTRY_SIZE - offset);
    crc = extendCrc(crc, bytes.subarray(Math.min(replaced.length, end), end));
  }
  return crc;
}
