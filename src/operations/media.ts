import type { MediaResult } from '../check/survey.js';
import type { BlockDevice } from '../device/block-device.js';
import { readPastCache } from '../device/past-cache.js';
import { readAround } from '../device/read-around.js';
import { DeviceError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import type { ReadProgress } from '../store/sum-tables.js';
import { bytes, SECTOR_SIZE, type Sectors, sectors } from '../units.js';

/** How much of the spare is read at a time, in bytes. */
const MEDIA_CHUNK = 1 << 20;

/** Reads every live sector of the spare, by ascending sectors. @param progress told bytes done, of how many */
export async function readMedia(
  device: BlockDevice,
  table: RemapTable,
  progress: ReadProgress | undefined,
): Promise<MediaResult> {
  const live = Float64Array.from(table.liveIndices(), (index) => table.spareSector(index))
    .filter((sector) => (sector + 1) * SECTOR_SIZE <= device.size)
    .sort();
  const bad: Sectors[] = [];
  let done = 0;
  for (let first = 0; first < live.length; ) {
    const start = live[first] ?? 0;
    let end = first + 1;
    while (
      end < live.length &&
      live[end] === start + end - first &&
      (end - first) * SECTOR_SIZE < MEDIA_CHUNK
    )
      end++;
    bad.push(...(await unreadableSectors(device, start, end - first)));
    done += (end - first) * SECTOR_SIZE;
    progress?.(done, live.length * SECTOR_SIZE);
    first = end;
  }
  return { badSectors: bad };
}

async function unreadableSectors(device: BlockDevice, start: number, count: number): Promise<Sectors[]> {
  const at = bytes(start * SECTOR_SIZE);
  const buffer = Buffer.allocUnsafeSlow(count * SECTOR_SIZE);
  try {
    // what is in a cache says nothing about the medium
    await readPastCache(device, at, buffer);
    return [];
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
  }
  const ranges = await readAround(device, at, buffer);
  return ranges.flatMap((range) =>
    Array.from({ length: range.length / SECTOR_SIZE }, (_, index) => sectors(range.at / SECTOR_SIZE + index)),
  );
}
