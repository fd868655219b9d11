import { extendCrc, metadataChecksum } from '../../format/checksum.js';
import { encodeHeader, HEADER, HEADER_SIZE } from '../../format/header.js';
import { fieldNamed } from '../../layout/layout.js';
import { bytes } from '../../units.js';
import type { ByteChange, Kind } from './candidate.js';
import { type Fit, makeFit, type SearchResult } from './fit.js';
import { flippedBit, weightOf } from './flipped-bit.js';
import { headerChanges, type Place } from './place.js';
import { type Places, sameContentAsRead } from './places.js';
import { headerObeys, loneCopy } from './rules.js';

/** Fields that are put right before any search, and entry_count, which changes what is summed. */
const NOT_BY_BIT = (['magic', 'version', 'checksum', 'copy', 'entry_count'] as const).map((name) =>
  fieldNamed(HEADER, name),
);

const MAX_ENTRIES = fieldNamed(HEADER, 'max_entries');

/**
 * The one flipped bit in header, live table or checksum field of a copy that its checksum names (format.md
 * section 6).
 *
 * @param fitting places that fit as they lie
 */
export function searchBits(places: Places, fitting: ReadonlySet<Place>): SearchResult {
  const fits: Fit[] = [];
  const limits: string[] = [];
  const searched: Place[] = [];
  let covered = 0n;
  for (const place of places.all) {
    if (!place.speaks || fitting.has(place)) continue;
    const { max_entries, entry_count } = place.header;
    const live = entry_count <= max_entries ? place.slots(max_entries, entry_count) : undefined;
    if (live === undefined) {
      // no table to sum: the capacity may be what is damaged
      covered += 8n * BigInt(MAX_ENTRIES.size);
      fits.push(...byCapacity(place));
      continue;
    }
    const whole = isWhole(place, live.length);
    // among free slots that could not be read a count may end that fits, too
    if (!whole || !place.hasWholeSlots(max_entries))
      limits.push(`a part of the ${place.name} copy could not be read`);
    if (!whole) continue;
    // a flipped bit of the table is never all that is wrong where the header breaks a rule
    const obeys = headerObeys(loneCopy(place.block, place), places.deviceSize);
    if (!searched.some((other) => sameContentAsRead(place, other)))
      covered += 8n * BigInt(HEADER_SIZE + (obeys ? live.length : 0));
    searched.push(place);
    const fit = byPosition(place, live);
    if (fit === undefined) fits.push(...byCapacity(place));
    else fits.push(obeys ? fit : { ...fit, beyond: 8n * BigInt(live.length) });
  }
  return { fits, covered, limits };
}

/** Header and live entries were read. */
function isWhole(place: Place, length: number): boolean {
  const at = place.tableAt(place.header.max_entries);
  return place.isReadable(place.headerAt, HEADER_SIZE) && at !== undefined && place.isReadable(at, length);
}

/** @param live the live entries by the header as it was read */
function byPosition(place: Place, live: Uint8Array): Fit | undefined {
  const { max_entries, entry_count } = place.header;
  const tableCrc = place.crcOf(max_entries, entry_count);
  const syndrome = (place.stored ^ metadataChecksum(place.block, tableCrc, live.length)) >>> 0;
  // it fits as it lies, though it was passed over: it breaks a rule
  if (syndrome === 0) return fitFrom(place, place.block, new Uint8Array(live), tableCrc, [], 'put-right');
  const flipped = flippedBit(syndrome, HEADER_SIZE + live.length);
  if (flipped === undefined) return undefined;
  if (flipped.in === 'checksum') {
    const block = encodeHeader({ checksum: (place.stored ^ (1 << flipped.bit)) >>> 0 }, place.block);
    return fitFrom(place, block, new Uint8Array(live), tableCrc, []);
  }
  const { byte, bit } = flipped;
  if (byte < HEADER_SIZE) {
    if (NOT_BY_BIT.some(({ offset, size }) => byte >= offset && byte < offset + size)) return undefined;
    const block = flip(place.block, byte, bit);
    const moved = place.tableAt(max_entries) !== place.tableAt(capacityOf(block));
    return moved || capacityOf(block) < entry_count
      ? undefined
      : fitFrom(place, block, new Uint8Array(live), tableCrc, []);
  }
  const table = flip(live, byte - HEADER_SIZE, bit);
  const at = place.tableAt(max_entries) ?? bytes(0);
  const offset = byte - HEADER_SIZE;
  const change = place.tableChange(at, offset, live[offset] ?? 0, table[offset] ?? 0);
  return fitFrom(place, place.block, table, extendCrc(0, table), [change]);
}

/** A flipped bit of max_entries that moves the table of a backup, or without which there is no table. */
function byCapacity(place: Place): Fit[] {
  const { max_entries, entry_count } = place.header;
  const fits: Fit[] = [];
  for (let byte = MAX_ENTRIES.offset; byte < MAX_ENTRIES.offset + MAX_ENTRIES.size; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      const block = flip(place.block, byte, bit);
      const capacity = capacityOf(block);
      const at = place.tableAt(capacity);
      if (capacity < entry_count || at === undefined || at === tableOf(place, max_entries)) continue;
      const live = place.slots(capacity, entry_count);
      if (live === undefined || !place.isReadable(at, live.length)) continue;
      const tableCrc = place.crcOf(capacity, entry_count);
      const length = HEADER_SIZE + live.length;
      const syndrome = (place.stored ^ metadataChecksum(place.block, tableCrc, live.length)) >>> 0;
      if (syndrome === weightOf(byte, bit, length))
        fits.push(fitFrom(place, block, new Uint8Array(live), tableCrc, []));
    }
  }
  return fits;
}

/** Where the table lies by the header as it was read; undefined where it names none. */
function tableOf(place: Place, maxEntries: number): number | undefined {
  return place.header.entry_count <= maxEntries ? place.tableAt(maxEntries) : undefined;
}

function capacityOf(block: Uint8Array): number {
  return new DataView(block.buffer, block.byteOffset).getUint32(MAX_ENTRIES.offset, true);
}

function flip(block: Uint8Array, byte: number, bit: number): Uint8Array {
  const flipped = new Uint8Array(block);
  flipped[byte] = (flipped[byte] ?? 0) ^ (1 << bit);
  return flipped;
}

function fitFrom(
  place: Place,
  block: Uint8Array,
  table: Uint8Array,
  tableCrc: number,
  more: readonly ByteChange[],
  kind: Kind = 'one-bit',
): Fit {
  const changes = [...headerChanges(place.reading, block), ...more];
  return makeFit({ kind, block, table, tableCrc, explains: [place], alone: [place], changes });
}
