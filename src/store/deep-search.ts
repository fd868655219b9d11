import type { BlockDevice } from '../device/block-device.js';
import { dataFrom } from '../device/holes.js';
import { readAround } from '../device/read-around.js';
import { decodeHeader, HEADER_SIZE, type Header, MAGIC } from '../format/header.js';
import { BLOCK_SIZE, type Bytes, bytes, SECTOR_SIZE } from '../units.js';

/** A header somewhere on a device, at a place where nothing points any more. */
export interface FoundHeader {
  readonly at: Bytes;
  readonly header: Header;
  /** It says itself that it belongs here. */
  readonly inPlace: boolean;
}

/** How much is read at a time, in bytes. */
const CHUNK = 1 << 20;

const MAGIC_BYTES = Buffer.from(MAGIC, 'latin1');

/**
 * Looks at every 4 KiB block of a device for a header: a backup whose primary is lost lies where the device
 * ended when it was made, which nothing tells after it has grown. What cannot be read is passed over, and so are
 * the holes of an image file.
 *
 * @param progress told after each MiB: bytes done
 * @param start where the search begins, a multiple of 4 KiB
 */
export async function searchHeaders(
  device: BlockDevice,
  progress: (done: number) => void = () => {},
  start: Bytes = bytes(0),
): Promise<FoundHeader[]> {
  const found: FoundHeader[] = [];
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (let from = await dataFrom(device, start, BLOCK_SIZE); from + HEADER_SIZE <= device.size; ) {
    const chunk = buffer.subarray(0, Math.min(CHUNK, device.size - from));
    await readAround(device, bytes(from), chunk);
    for (let offset = 0; offset + HEADER_SIZE <= chunk.length; offset += BLOCK_SIZE) {
      if (!chunk.subarray(offset, offset + MAGIC_BYTES.length).equals(MAGIC_BYTES)) continue;
      const header = decodeHeader(chunk.subarray(offset, offset + HEADER_SIZE));
      const at = from + offset;
      const inPlace = at === 0 ? header.copy === 0 : Number(header.backup_header) * SECTOR_SIZE === at;
      found.push({ at: bytes(at), header, inPlace });
    }
    progress(from + chunk.length - start);
    from = await dataFrom(device, from + chunk.length, BLOCK_SIZE);
  }
  return found;
}
