import { dataFrom, nextHole } from '../device/holes.js';
import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import type { SectorIo } from './sector-io.js';
import { ALLOCATION_FLAG, type ServedExtent } from './served-device.js';

/** Extents in one answer. */
const MOST = 1024;

const HOLE = ALLOCATION_FLAG.HOLE | ALLOCATION_FLAG.ZERO;

/** Where main has holes, but for the sectors that live on the spare: those are data. */
export async function allocationFrom(
  { main: { device }, side: { entries } }: SectorIo,
  at: Bytes,
  length: number,
): Promise<readonly ServedExtent[]> {
  const extents: { length: number; flags: number }[] = [];
  const add = (until: number, flags: number): void => {
    const last = extents.at(-1);
    if (last?.flags === flags) last.length += until - from;
    else extents.push({ length: until - from, flags });
    from = until;
  };
  const end = at + length;
  let from: number = at;
  while (from < end && extents.length < MOST) {
    const data = Math.min(await dataFrom(device, from, 1), end);
    if (data <= from) {
      // a file may change between two questions
      const hole = Math.max(await nextHole(device, bytes(from)), from + 1);
      add(Math.min(hole, end), 0);
      continue;
    }
    const sector = Math.floor(from / SECTOR_SIZE);
    const remapped = entries.next(sector);
    if (remapped === sector) add(Math.min((sector + 1) * SECTOR_SIZE, end), 0);
    else add(Math.min(remapped * SECTOR_SIZE, data), HOLE);
  }
  return extents;
}
