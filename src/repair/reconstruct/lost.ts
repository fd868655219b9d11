import { ENTRY_SIZE, RemapTable } from '../../format/entry.js';
import { dataStart } from '../../format/geometry.js';
import { type Header, isRedundant } from '../../format/header.js';
import type { Content } from '../../store/content.js';
import { BLOCK_SIZE } from '../../units.js';
import type { Place } from './place.js';

/**
 * Entries that some copy shows as live by its own header, that could be right under the header of a content,
 * and that the content does not have; each once.
 */
export function lostEntries(content: Content, places: readonly Place[]): RemapTable {
  const suspects = places.flatMap((place) => suspectsOf(content, place));
  if (suspects.length === 0) return new RemapTable(new Uint8Array(0));
  // few entries are looked for among many: their low words tell most of those apart
  const low = new Set(suspects.map(lowWord));
  const missing = new Map(suspects.map((entry) => [Buffer.from(entry).toString('latin1'), entry]));
  const { bytes, count } = content.table;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < count; index++) {
    const at = index * ENTRY_SIZE;
    if (low.has(view.getUint32(at, true)))
      missing.delete(Buffer.from(bytes.subarray(at, at + ENTRY_SIZE)).toString('latin1'));
  }
  return new RemapTable(new Uint8Array(Buffer.concat([...missing.values()])));
}

function lowWord(entry: Uint8Array): number {
  return new DataView(entry.buffer, entry.byteOffset).getUint32(0, true);
}

/** The entries of a copy that stand in the same slot of the content no more. */
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
    for (let from = block; from < end; from += ENTRY_SIZE)
      if (differ(from, ENTRY_SIZE) && couldBe(header, own, from / ENTRY_SIZE))
        suspects.push(shown.subarray(from, from + ENTRY_SIZE));
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
