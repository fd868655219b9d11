import type { BlockDevice } from '../device/block-device.js';
import { dataFrom } from '../device/holes.js';
import { readAround } from '../device/read-around.js';
import { isNewer } from '../format/generation.js';
import { backupHeaderPlace } from '../format/geometry.js';
import { decodeHeader, HEADER_SIZE, MAGIC } from '../format/header.js';
import {
  BLOCK_SIZE,
  type Bytes,
  bytes,
  bytesToSectors,
  roundDown,
  SECTOR_SIZE,
  type Sectors,
} from '../units.js';
import { wholeCopy } from './commit.js';
import type { Content } from './content.js';
import { searchHeaders } from './deep-search.js';
import { movedContent } from './move.js';
import type { Write } from './phase.js';

/** How much is read at a time, in bytes. */
const CHUNK = 1 << 20;

const ZERO_SECTOR = new Uint8Array(SECTOR_SIZE);

/**
 * Reads all of a grown device beyond the size that the metadata knows, but for the holes of an image file.
 *
 * @param progress told bytes done, of how many
 * @returns the first sector that is neither zero nor what the move of the backup itself writes there (an
 * earlier move may have been cut short), or that cannot be read: who knows what it holds; undefined where
 * there is none
 */
export async function firstOccupied(
  device: BlockDevice,
  content: Content,
  progress: (done: number, total: number) => void = () => {},
): Promise<Sectors | undefined> {
  const expected = await writesOfMove(device, content);
  const from = Number(content.header.spare_device_size) * SECTOR_SIZE;
  const next = (at: number) => dataFrom(device, at, SECTOR_SIZE);
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, Math.max(device.size - from, 0)));
  for (let at = await next(from); at < device.size; at = await next(at + CHUNK)) {
    const chunk = buffer.subarray(0, Math.min(CHUNK, device.size - at));
    const [unreadable] = await readAround(device, bytes(at), chunk);
    const places = [unreadable?.at, firstUnexpected(chunk, at, expected)].filter(
      (place) => place !== undefined,
    );
    if (places.length > 0) return bytesToSectors(Math.min(...places));
    progress(at + chunk.length - from, device.size - from);
  }
  return undefined;
}

/**
 * The newest generation that any header of this spare names beyond the known size: moves that were cut short,
 * each on a device of another size, left them there. Reads all of it but the holes of an image file; undefined
 * where there is none.
 *
 * @param progress told bytes done, of how many
 */
export async function newestBeyond(
  device: BlockDevice,
  { header }: Content,
  progress: (done: number, total: number) => void = () => {},
): Promise<number | undefined> {
  const from = roundDown(Number(header.spare_device_size) * SECTOR_SIZE, BLOCK_SIZE);
  const found = await searchHeaders(device, (done) => progress(done, device.size - from), bytes(from));
  const ours = found.filter((one) => one.header.spare_uuid === header.spare_uuid);
  return ours.reduce<number | undefined>(
    (newest, { header: { generation } }) =>
      newest === undefined || isNewer(generation, newest) ? generation : newest,
    undefined,
  );
}

/** What a move writes at the end. The time of its commit is taken over from what an earlier one left there. */
async function writesOfMove(device: BlockDevice, content: Content): Promise<Write[]> {
  const block = new Uint8Array(HEADER_SIZE);
  await readAround(device, backupHeaderPlace(device.size), block);
  const found = decodeHeader(block);
  const time = found.magic === MAGIC ? found.last_update_time : 0n;
  return wholeCopy(movedContent(content, device.size, time), 'backup');
}

function firstUnexpected(chunk: Buffer, at: number, expected: readonly Write[]): number | undefined {
  for (let offset = 0; offset < chunk.length; offset += SECTOR_SIZE) {
    const sector = chunk.subarray(offset, offset + SECTOR_SIZE);
    if (sector.equals(ZERO_SECTOR)) continue;
    const allowed = sectorOf(expected, bytes(at + offset));
    if (allowed === undefined || !sector.equals(allowed)) return at + offset;
  }
  return undefined;
}

function sectorOf(writes: readonly Write[], at: Bytes): Uint8Array | undefined {
  for (const write of writes) {
    const offset = at - write.at;
    if (offset >= 0 && offset < write.bytes.length) return write.bytes.subarray(offset, offset + SECTOR_SIZE);
  }
  return undefined;
}
