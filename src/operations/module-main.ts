import type { ModuleMain, SectorVerdict } from '../check/survey.js';
import type { BlockDevice } from '../device/block-device.js';
import { readAround } from '../device/read-around.js';
import type { RemapTable } from '../format/entry.js';
import { unalignedEntries } from '../format/module.js';
import type { ModuleImage } from '../store/module-image.js';
import { bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';

/** How far from an entry's main sector others are looked for that cannot be read: bad sectors lie together. */
const NEIGHBOURHOOD = 256 * 1024;

/** More unreadable sectors than this tell nothing of one entry. */
const MOST_UNREADABLE = 64;

/**
 * Compares main with what the module's entries name, and looks for the main sector that entry 0 may have had.
 *
 * @param logged sectors of main of which a kernel log tells failed requests
 */
export async function askMain(
  spare: BlockDevice,
  main: BlockDevice,
  { content: { table }, first }: ModuleImage,
  logged: readonly number[] = [],
): Promise<ModuleMain> {
  const compared = new Map<number, SectorVerdict>();
  for (const index of unalignedEntries(table)) {
    const verdict = await compare(spare, table.spareSector(index), main, table.mainSector(index));
    if (verdict !== undefined) compared.set(index, verdict);
  }
  if (first.kind !== 'lost') return { compared, unreadable: [], logged: [] };
  const unreadable = await unreadableNear(main, table);
  const known = new Set([...unreadable, ...Array.from(table.live(), (index) => table.mainSector(index))]);
  return { compared, unreadable, logged: [...new Set(logged)].filter((sector) => !known.has(sector)) };
}

async function compare(
  spare: BlockDevice,
  spareSector: number,
  main: BlockDevice,
  mainSector: number,
): Promise<SectorVerdict | undefined> {
  const [onSpare, onMain] = [await sectorOf(spare, spareSector), await sectorOf(main, mainSector)];
  if (onSpare === undefined) return onMain === undefined ? undefined : 'main-newer';
  if (onMain === undefined) return 'spare-newer';
  if (Buffer.compare(onSpare, onMain) === 0) return 'equal';
  // a remap copies no data: a sector that was never written through it is as it was before
  if (!onSpare.some(Boolean)) return 'main-newer';
  return onMain.some(Boolean) ? 'differ' : 'spare-newer';
}

/** Undefined where it cannot be read, or is not there. */
async function sectorOf(device: BlockDevice, sector: number): Promise<Uint8Array | undefined> {
  const at = sector * SECTOR_SIZE;
  if (at + SECTOR_SIZE > device.size) return undefined;
  const from = roundDown(at, device.logicalBlockSize);
  const block = new Uint8Array(device.logicalBlockSize);
  if ((await readAround(device, bytes(from), block)).length > 0) return undefined;
  return block.subarray(at - from, at - from + SECTOR_SIZE);
}

async function unreadableNear(main: BlockDevice, table: RemapTable): Promise<number[]> {
  const named = new Set(Array.from(table.live(), (index) => table.mainSector(index)));
  const found: number[] = [];
  for (const { from, to } of neighbourhoods(main, [...named])) {
    const buffer = new Uint8Array(to - from);
    for (const { at, length } of await readAround(main, bytes(from), buffer))
      for (let sector = at / SECTOR_SIZE; sector < (at + length) / SECTOR_SIZE; sector++)
        if (!named.has(sector)) found.push(sector);
    if (found.length > MOST_UNREADABLE) return [];
  }
  return found;
}

/** Stretches of main around these sectors, in bytes, ascending and apart. */
function neighbourhoods(main: BlockDevice, sectors: readonly number[]): { from: number; to: number }[] {
  const size = roundDown(main.size, main.logicalBlockSize);
  const joined: { from: number; to: number }[] = [];
  for (const sector of [...sectors].sort((a, b) => a - b)) {
    const at = sector * SECTOR_SIZE;
    const from = roundDown(Math.max(0, at - NEIGHBOURHOOD), main.logicalBlockSize);
    const to = Math.min(size, roundUp(at + NEIGHBOURHOOD, main.logicalBlockSize));
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else if (from < to) joined.push({ from, to });
  }
  return joined;
}
