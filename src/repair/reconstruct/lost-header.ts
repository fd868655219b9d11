import { extendCrc } from '../../format/checksum.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { FIRST_GENERATION, isNewer, nextGeneration } from '../../format/generation.js';
import { TABLE_START, tableArea } from '../../format/geometry.js';
import { decodeHeader, encodeHeader, hasExtension, MAGIC } from '../../format/header.js';
import { freshContent } from '../../store/create.js';
import { BLOCK_SIZE, bytes, roundDown, SECTOR_SIZE, type Sectors } from '../../units.js';
import { type Fit, makeFit, type SearchResult } from './fit.js';
import type { Place } from './place.js';
import type { Places } from './places.js';
import { regionStart } from './reading.js';
import { longestRun, type Run, runAt } from './table-scan.js';

/** What the devices and the operator say of a set whose headers are lost. */
export interface Told {
  /** Of main, in sectors. */
  readonly mainSize: Sectors;
  /** main_id; empty if main has none. */
  readonly mainId: string;
  /** For a set that gets a new identity. */
  readonly setUuid: string;
  readonly spareUuid: string;
  /** Unix seconds. */
  readonly now: bigint;
}

/** The capacity that a set has unless somebody chose another. */
const USUAL_CAPACITY = 1000;

/** No checksum vouches for such a content: it is one of as many as there are checksums. */
const UNVOUCHED = 2n ** 32n;

/**
 * A header made anew for a table that lies there whole (format.md section 6). What is a table is told by its
 * looks: entries that could be live together, at the front, and at the end where a backup would have its own. A
 * free slot that still holds an entry which was removed looks like a live one, so this is never more than a guess.
 * Two tables alike tell a redundant set; where they are not, what looks like one at the end may be data.
 */
export function rebuildHeaders(places: Places, told: Told): SearchResult {
  const limits = { mainSize: told.mainSize, deviceSize: places.deviceSize };
  const front = runAt(places.primary.reading.region, 0, limits);
  const fits: Fit[] = [];
  for (const place of places.backups) {
    // the table area of a backup ends where its header begins, that of a primary before the data
    const areaOf = ({ at }: Run) => place.headerAt - (regionStart(place.reading) + at);
    const leavesRoom = (area: number, { firstSpare }: Run) => TABLE_START + area <= firstSpare * SECTOR_SIZE;
    const run = longestRun(place.reading.region, limits, (one) => leavesRoom(areaOf(one), one));
    if (run === undefined) continue;
    const area = areaOf(run);
    fits.push(fitOf(places, told, run, area, place));
    if (front !== undefined && Buffer.compare(front.table.bytes, run.table.bytes) === 0) return found(fits);
    if (front !== undefined) fits.push(fitOf(places, told, front, area, places.primary));
  }
  if (front !== undefined) {
    const area = roundDown(front.firstSpare * SECTOR_SIZE - TABLE_START, BLOCK_SIZE);
    fits.push(fitOf(places, told, front, area, undefined));
  }
  return found(fits);
}

function found(fits: readonly Fit[]): SearchResult {
  return { fits, covered: 0n, limits: [] };
}

/**
 * @param area that the table can take at most, in bytes
 * @param place the copy that has the table; undefined for a plain image
 */
function fitOf(places: Places, told: Told, { table }: Run, area: number, place: Place | undefined): Fit {
  const { deviceSize: size } = places;
  const layout = place === undefined ? 'plain' : 'redundant';
  const fresh = freshContent({ ...told, layout, size, maxEntries: capacityIn(area, table.count, layout) });
  const { count } = table;
  const block = encodeHeader(
    { entry_count: count, total_remaps_created: BigInt(count), generation: generationFor(places) },
    fresh.block,
  );
  return makeFit({
    kind: 'rebuilt',
    block,
    table: table.bytes,
    tableCrc: extendCrc(0, table.bytes),
    explains: [],
    beyond: UNVOUCHED,
    changes: [
      {
        what: 'block',
        part: 'table',
        at: bytes(0),
        length: table.bytes.length,
        taken: place?.name ?? 'primary',
      },
      { what: 'witness', part: 'header', taken: 'what the devices say' },
    ],
  });
}

/** A redundant set says by the place of its backup how large its table area is; a plain one only how large at most. */
function capacityIn(area: number, count: number, layout: 'plain' | 'redundant'): number {
  const usual = tableArea(USUAL_CAPACITY);
  if (count <= USUAL_CAPACITY && (layout === 'plain' ? usual <= area : usual === area)) return USUAL_CAPACITY;
  return area / ENTRY_SIZE;
}

/** Newer than all that is left of a header claims. */
function generationFor({ all }: Places): number {
  const claimed = all
    .filter(({ reading, header }) => decodeHeader(reading.block).magic === MAGIC || hasExtension(header))
    .map(({ header }) => header.generation);
  const newest = claimed.reduce((best, one) => (isNewer(one, best) ? one : best), 0);
  return newest === 0 ? FIRST_GENERATION : nextGeneration(newest);
}
