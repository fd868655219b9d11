import { ENTRY_SIZE, encodeEntries, RemapTable } from '../format/entry.js';
import { encodeHeader, HEADER, type Header } from '../format/header.js';
import { type Content, contentOf } from '../store/content.js';

/**
 * Changes of a content as values. None of them counts the generation on: several edits make one commit, and
 * that gives the content its generation and its time.
 */

/** A content after an edit, and the live entries that it does not have any more. */
export interface Edited {
  readonly content: Content;
  readonly dropped: RemapTable;
}

export type Edit = (content: Content) => Edited;

const NOTHING = new RemapTable(new Uint8Array(0));

/** Other values of header fields. */
export function withFields(changes: Partial<Header>): Edit {
  return ({ block, table }) => ({
    content: contentOf(encodeHeader(changes, block), table),
    dropped: NOTHING,
  });
}

/** These bytes of the header become zero. */
export function withZeros(from: number, to: number): Edit {
  return ({ block, table }) => {
    const cleared = new Uint8Array(block);
    cleared.fill(0, from, to);
    return { content: contentOf(cleared, table), dropped: NOTHING };
  };
}

/** The header with all its reserved bytes zero. */
export function withoutReserved(block: Uint8Array): Uint8Array {
  const cleared = new Uint8Array(block);
  for (const { kind, offset, size } of HEADER.fields)
    if (kind === 'zero') cleared.fill(0, offset, offset + size);
  return cleared;
}

/** The table without the entries in these slots; each hole takes the last entry, as a removal does (section 1). */
export function withoutEntries(slots: Iterable<number>): Edit {
  return ({ block, table }) => {
    const holes = [...new Set(slots)].sort((a, b) => a - b);
    const kept = new Uint8Array(table.bytes);
    let count = table.count;
    for (const hole of holes.toReversed()) {
      count--;
      if (hole !== count) kept.copyWithin(hole * ENTRY_SIZE, count * ENTRY_SIZE, (count + 1) * ENTRY_SIZE);
    }
    const left = new RemapTable(kept.subarray(0, count * ENTRY_SIZE));
    const dropped = holes.map((slot) => [table.exactMainSector(slot), table.exactSpareSector(slot)] as const);
    return {
      content: contentOf(encodeHeader({ entry_count: count }, block), left),
      dropped: new RemapTable(encodeEntries(dropped)),
    };
  };
}

/** One edit after the other; what each of them drops, together. */
export function inOrder(edits: readonly Edit[]): Edit {
  return (content) =>
    edits.reduce<Edited>(
      (done, edit) => {
        const next = edit(done.content);
        return { content: next.content, dropped: joinTables([done.dropped, next.dropped]) };
      },
      { content, dropped: NOTHING },
    );
}

/** The entries of several tables, each once. */
export function joinTables(tables: readonly RemapTable[]): RemapTable {
  const entries = new Map<string, Uint8Array>();
  for (const { bytes, count } of tables)
    for (let slot = 0; slot < count; slot++) entries.set(...keyed(bytes, slot));
  return new RemapTable(new Uint8Array(Buffer.concat([...entries.values()])));
}

/** The entries of a small table that a large one does not have. */
export function entriesMissingFrom(small: RemapTable, { bytes, count }: RemapTable): RemapTable {
  const missing = new Map<string, Uint8Array>();
  for (let slot = 0; slot < small.count; slot++) missing.set(...keyed(small.bytes, slot));
  for (let slot = 0; slot < count && missing.size > 0; slot++) missing.delete(keyed(bytes, slot)[0]);
  return new RemapTable(new Uint8Array(Buffer.concat([...missing.values()])));
}

/** An entry's bytes, behind what stands for them in a map. */
function keyed(table: Uint8Array, slot: number): [string, Uint8Array] {
  const entry = table.subarray(slot * ENTRY_SIZE, (slot + 1) * ENTRY_SIZE);
  return [Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString('latin1'), entry];
}

/** The live entries of a table that another one does not have. Costs memory for slots that differ alone. */
export function entriesOnlyIn(table: RemapTable, other: RemapTable): RemapTable {
  const missing = differingEntries(table, other);
  for (const key of differingEntries(other, table).keys()) missing.delete(key);
  return new RemapTable(new Uint8Array(Buffer.concat([...missing.values()])));
}

/** The live entries in slots that hold something else in the other table, by their bytes. */
function differingEntries(table: RemapTable, other: RemapTable): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  for (const slot of table.live()) {
    const [from, to] = [slot * ENTRY_SIZE, (slot + 1) * ENTRY_SIZE];
    const entry = table.bytes.subarray(from, to);
    if (Buffer.compare(entry, other.bytes.subarray(from, to)) !== 0) entries.set(...keyed(table.bytes, slot));
  }
  return entries;
}
