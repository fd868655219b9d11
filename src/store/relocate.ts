import type { BlockDevice } from '../device/block-device.js';
import { ENTRY_SIZE, RemapTable, SPARE_OFFSET } from '../format/entry.js';
import { SECTOR_SIZE, type Sectors, sectors, sectorsToBytes } from '../units.js';
import type { Phase, Write } from './phase.js';
import type { DataArea } from './relayout.js';
import { wholeBlocks } from './whole-blocks.js';

/** An entry whose data goes to another sector of the spare. */
export interface Relocation {
  readonly slot: number;
  readonly from: Sectors;
  readonly to: Sectors;
}

/**
 * Where the entries go that name a sector outside of `future`, ascending by the sector that they leave, so
 * that neighbours stay neighbours where there is room.
 *
 * @param now the sectors that may be named today: what an entry is moved to lies in both areas
 * @returns undefined where there are not enough sectors that no entry uses
 */
export function planRelocations(
  table: RemapTable,
  now: DataArea,
  future: DataArea,
): Relocation[] | undefined {
  const leaving = [...table.live()]
    .filter((slot) => !isInside(table.spareSector(slot), future))
    .sort((a, b) => table.spareSector(a) - table.spareSector(b));
  if (leaving.length === 0) return [];
  const start = sectors(Math.max(now.start, future.start));
  const free = freeSectors(table, { start, end: sectors(Math.min(now.end, future.end)) });
  const relocations: Relocation[] = [];
  for (const slot of leaving) {
    const { value: to } = free.next();
    if (to === undefined) return undefined;
    relocations.push({ slot, from: sectors(table.spareSector(slot)), to });
  }
  return relocations;
}

function isInside(sector: number, { start, end }: DataArea): boolean {
  return sector >= start && sector < end;
}

/** Sectors of an area that no live entry names, ascending. */
function* freeSectors(table: RemapTable, area: DataArea): Generator<Sectors, undefined> {
  const used = new Float64Array(table.count);
  let count = 0;
  for (const slot of table.live()) used[count++] = table.spareSector(slot);
  const taken = used.subarray(0, count).sort();
  let next = 0;
  for (let sector: number = area.start; sector < area.end; sector++) {
    while (next < count && (taken[next] ?? 0) < sector) next++;
    if (taken[next] !== sector) yield sectors(sector);
  }
  return undefined;
}

/** The table with these entries naming the sectors that they are moved to. */
export function relocatedTable(table: RemapTable, relocations: readonly Relocation[]): RemapTable {
  const moved = new Uint8Array(table.bytes);
  const view = new DataView(moved.buffer);
  for (const { slot, to } of relocations)
    view.setBigUint64(slot * ENTRY_SIZE + SPARE_OFFSET, BigInt(to), true);
  return new RemapTable(moved);
}

/**
 * The phase that copies the data.
 *
 * @throws DeviceError `io` where data cannot be read: then nothing may be moved
 */
export async function copyData(device: BlockDevice, relocations: readonly Relocation[]): Promise<Phase> {
  const copied: Write[] = [];
  for (const { from, to } of relocations) {
    const content = new Uint8Array(SECTOR_SIZE);
    await device.read(sectorsToBytes(from), content);
    copied.push({ at: sectorsToBytes(to), bytes: content });
  }
  const writes = await wholeBlocks(device, copied);
  return {
    purpose: `copy the data of ${relocations.length} remaps to free sectors`,
    writes: writes.sort((a, b) => a.at - b.at),
    isReadBack: true,
    ifFails: { copy: undefined, secure: [], tidy: [], stands: 'before' },
  };
}
