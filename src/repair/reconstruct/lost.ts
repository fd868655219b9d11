import { ENTRY_SIZE, RemapTable } from '../../format/entry.js';
import { dataStart } from '../../format/geometry.js';
import { type Header, isRedundant } from '../../format/header.js';
import type { Content } from '../../store/content.js';
import { BLOCK_SIZE } from '../../units.js';
import { EntrySet } from './entry-set.js';
import type { Place } from './place.js';

/**
 * Entries that some copy shows as live by its own header, that could be right under the header of a content,
 * and that the content does not have; each once.
 */
export function lostEntries(content: Content, places: readonly Place[]): RemapTable {
  const suspects = Buffer.concat(places.flatMap((place) => suspectsOf(content, place)));
  if (suspects.length === 0) return new RemapTable(new Uint8Array(0));
  const missing = new EntrySet(suspects);
  const { bytes } = content.table;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += ENTRY_SIZE) missing.delete(view, at);
  return new RemapTable(missing.toBytes());
}

/** The entries of a copy that stand in the same slot of the content no more, block by block. */
function suspectsOf({ header, table }: Content, place: Place): Uint8Array[] {
  const { max_entries, entry_count } = place.header;
  const shown = entry_count <= max_entries ? place.slots(max_entries, entry_count) : undefined;
  if (!place.speaks || shown === undefined) return [];
  const own = new RemapTable(shown);
  const differ = (from: number, length: number) =>
    Buffer.compare(shown.subarray(from, from + length), table.bytes.subarray(from, from + length)) !== 0;
  const suspects: Uint8Array[] = [];
  for (let block = 0; block < shown.length; block += BLOCK_SIZE) {
    if (!differ(block, BLOCK_SIZE)) continue;
    const end = Math.min(block + BLOCK_SIZE, shown.length);
    const found = new Uint8Array(end - block);
    let length = 0;
    for (let from = block; from < end; from += ENTRY_SIZE) {
      if (!differ(from, ENTRY_SIZE) || !couldBe(header, own, from / ENTRY_SIZE)) continue;
      found.set(shown.subarray(from, from + ENTRY_SIZE), length);
      length += ENTRY_SIZE;
    }
    suspects.push(found.subarray(0, length));
  }
  return suspects;
}

function couldBe(header: Header, table: RemapTable, index: number): boolean {
  const spare = table.spareSector(index);
  const end = Number(isRedundant(header) ? header.backup_table : header.spare_device_size);
  return (
    table.mainSector(index) < Number(header.main_device_size) &&
    spare >= dataStart(header.max_entries) &&
    spare < end
  );
}
