import { extendCrc } from '../../format/checksum.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { decodeHeader, HEADER_SIZE } from '../../format/header.js';
import { bytes } from '../../units.js';
import type { Change } from './candidate.js';
import { type Fit, makeFit, placesStoring, type SearchResult } from './fit.js';
import { checksumIn, normalBlock } from './normal.js';
import type { Place } from './place.js';
import type { Places } from './places.js';
import type { Witness } from './reading.js';

/**
 * Dumps and undo files whose content has a checksum that stands on the device: it is what was committed
 * there, whatever has become of the place since.
 */
export function searchWitnesses(places: Places, witnesses: readonly Witness[]): SearchResult {
  const fits = witnesses.flatMap((witness): Fit[] => {
    const block = normalBlock(witness.block);
    const table = new Uint8Array(witness.table);
    const tableCrc = extendCrc(0, table);
    const explains = placesStoring(block, tableCrc, table.length, places.all);
    if (explains.length === 0) return [];
    const changes: Change[] = [{ what: 'witness', part: 'header and table', taken: witness.label }];
    return [makeFit({ kind: 'witness', block, table, tableCrc, explains, changes })];
  });
  return { fits, covered: BigInt(witnesses.length), limits: [] };
}

/**
 * A header with a table that it does not lie beside (format.md section 6). The header of one copy with the
 * table of the other is a mixture, too, but this one is looked at even where those are too many to be listed;
 * it is counted among them. The header of a dump is tried with every table: it fits by a checksum on the
 * device or, where no header is left there, by its own, which shows that this table is whole.
 */
export function searchHeaders(places: Places, witnesses: readonly Witness[]): SearchResult {
  const fits: Fit[] = [];
  let covered = 0n;
  for (const giver of places.all)
    for (const place of places.all) {
      if (!giver.speaks || giver === place) continue;
      const changes: Change[] = (['header', 'table'] as const).map((part) => ({
        what: 'block',
        part,
        at: bytes(0),
        length: part === 'header' ? HEADER_SIZE : giver.header.entry_count * ENTRY_SIZE,
        taken: (part === 'header' ? giver : place).name,
      }));
      fits.push(...combine(places, giver.block, place, 'mixture', changes, undefined));
    }
  for (const { block, label } of witnesses) {
    const { max_entries, entry_count, checksum } = decodeHeader(block);
    const changes: Change[] = [{ what: 'witness', part: 'header', taken: label }];
    for (const place of places.all) {
      if (place.slots(max_entries, entry_count) === undefined) continue;
      covered++;
      fits.push(...combine(places, block, place, 'other-header', changes, checksum));
    }
  }
  return { fits, covered, limits: [] };
}

/**
 * The content of a header and the table of a place, if a checksum fits it.
 *
 * @param own the header's own checksum, where it vouches for the table
 */
function combine(
  places: Places,
  header: Uint8Array,
  place: Place,
  kind: 'mixture' | 'other-header',
  changes: readonly Change[],
  own: number | undefined,
): Fit[] {
  const { max_entries, entry_count } = decodeHeader(header);
  const live = entry_count <= max_entries ? place.slots(max_entries, entry_count) : undefined;
  if (live === undefined) return [];
  const block = normalBlock(header);
  const tableCrc = place.crcOf(max_entries, entry_count);
  const explains = placesStoring(block, tableCrc, live.length, places.all);
  const sealed = (['primary', 'backup'] as const).some(
    (copy) => checksumIn(copy, block, tableCrc, live.length) === own,
  );
  if (explains.length === 0 && !sealed) return [];
  return [makeFit({ kind, block, table: new Uint8Array(live), tableCrc, explains, changes })];
}
