import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { MODULE_CAPACITY } from '../format/module.js';
import { type DataArea, dataArea } from '../store/relayout.js';
import { type Sectors, sectors } from '../units.js';

/** The sectors of a spare that the kernel module hands out: in a row, from the spare_start of its table line. */

/** All that it could hand out. */
export function moduleArea({ size }: BlockDevice): DataArea {
  return dataArea({ layout: 'plain', maxEntries: MODULE_CAPACITY }, size);
}

/**
 * The sectors that these entries are to have.
 *
 * @param spareStart the first of them; unless told, one with which most of the data stays where it is
 * @throws DmremapError `usage` where they leave the data area
 */
export function rowFor(device: BlockDevice, table: RemapTable, spareStart: Sectors | undefined): DataArea {
  const all = moduleArea(device);
  const start = spareStart ?? usualStart(table, all);
  const end = sectors(start + table.count);
  if (start >= all.start && end <= all.end && start < all.end) return { start, end };
  throw new DmremapError(
    'usage',
    `--spare-start ${start}: data sectors of ${device.name} are ${all.start} to ${all.end - 1}${needOf(table)}`,
  );
}

function needOf({ count }: RemapTable): string {
  return count === 0 ? '' : `, and ${count} ${count === 1 ? 'is' : 'are'} needed`;
}

/** The lowest sector in use, if there is room for all behind it. */
function usualStart(table: RemapTable, all: DataArea): Sectors {
  const [lowest] = table.sortedIndices('spare');
  const start = lowest === undefined ? all.start : sectors(table.spareSector(lowest));
  return start + table.count <= all.end ? start : all.start;
}
