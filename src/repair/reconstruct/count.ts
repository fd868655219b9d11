import { extendCrc } from '../../format/checksum.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { encodeHeader } from '../../format/header.js';
import { BLOCK_SIZE } from '../../units.js';
import { type Fit, makeFit, type SearchResult } from './fit.js';
import { matchingCounts } from './matching-counts.js';
import { headerChanges, type Place } from './place.js';
import { type Places, sameHeaderButCount } from './places.js';
import { headerObeys, loneCopy } from './rules.js';

/** More counts than this are not listed for one copy: none is proven then, and each holds a table. */
const LISTED = 4;

/**
 * The entry counts, from 0 to the capacity, for which the checksum of a copy fits its own header and table
 * (format.md section 6). Only capacities whose table lies within the device can be right (section 5). Under a
 * header that breaks a rule no count can be right: what fits there is found, but as a guess.
 *
 * @param fitting places that fit as they lie: they need no other count
 */
export function searchCounts(places: Places, fitting: ReadonlySet<Place>): SearchResult {
  const fits: Fit[] = [];
  const limits: string[] = [];
  const searched: Place[] = [];
  let covered = 0n;
  for (const place of places.all) {
    const { max_entries } = place.header;
    if (!place.speaks || fitting.has(place) || place.tableAt(max_entries) === undefined) continue;
    const obeys = headerObeys(loneCopy(place.block, place), places.deviceSize);
    if (obeys) {
      const known = Math.max(0, ...searched.map((other) => commonCounts(place, other)));
      covered += BigInt(max_entries - known);
      searched.push(place);
    }
    const readable = place.readableSlots(max_entries);
    // a capacity that cannot be right tells nothing of how many slots there are
    if (obeys && readable < max_entries)
      limits.push(`only ${readable} of ${max_entries} slots of the ${place.name} table could be read`);
    const found = countsOf(place, readable, obeys ? 0n : BigInt(max_entries));
    if (found.length > LISTED) limits.push(`more than ${LISTED} entry counts of the ${place.name} copy fit`);
    fits.push(...found.slice(0, LISTED));
  }
  return { fits, covered, limits };
}

function countsOf(place: Place, readable: number, beyond: bigint): Fit[] {
  const slots = place.slots(place.header.max_entries, readable) ?? new Uint8Array(0);
  return matchingCounts(place.block, slots, place.stored, LISTED + 2)
    .filter((count) => count !== place.header.entry_count)
    .map((count) => {
      const block = encodeHeader({ entry_count: count }, place.block);
      const table = new Uint8Array(slots.subarray(0, count * ENTRY_SIZE));
      return makeFit({
        kind: 'count',
        block,
        table,
        tableCrc: extendCrc(0, table),
        explains: [place],
        alone: [place],
        beyond,
        changes: headerChanges(place.reading, block),
      });
    });
}

/** How many counts give the same content in two places: those up to the first slot that differs. */
function commonCounts(place: Place, other: Place): number {
  const { max_entries } = place.header;
  if (!sameHeaderButCount(place, other)) return 0;
  const length = Math.min(place.readableSlots(max_entries), other.readableSlots(max_entries));
  const [one, two] = [place.slots(max_entries, length), other.slots(max_entries, length)];
  if (one === undefined || two === undefined) return 0;
  const sameFrom = (from: number, size: number) =>
    Buffer.compare(one.subarray(from, from + size), two.subarray(from, from + size)) === 0;
  let same = 0;
  while (same < one.length && sameFrom(same, BLOCK_SIZE)) same += BLOCK_SIZE;
  while (same < one.length && sameFrom(same, ENTRY_SIZE)) same += ENTRY_SIZE;
  return Math.min(length, same / ENTRY_SIZE);
}
