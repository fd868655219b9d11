import type { BlockDevice } from '../device/block-device.js';
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
 * ended when it was made, which nothing tells after it has grown. What cannot be read is passed over.
 *
 * @param progress told after each MiB: bytes done
 */
export async function searchHeaders(
  device: BlockDevice,
  progress: (done: number) => void = () => {},
): Promise<FoundHeader[]> {
  const found: FoundHeader[] = [];
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (let from = 0; from + HEADER_SIZE <= device.size; from += CHUNK) {
    const chunk = buffer.subarray(0, Math.min(CHUNK, device.size - from));
    await readAround(device, bytes(from), chunk);
    for (let offset = 0; offset + HEADER_SIZE <= chunk.length; offset += BLOCK_SIZE) {
      if (!chunk.subarray(offset, offset + MAGIC_BYTES.length).equals(MAGIC_BYTES)) continue;
      const header = decodeHeader(chunk.subarray(offset, offset + HEADER_SIZE));
      const at = from + offset;
      const inPlace = at === 0 ? header.copy === 0 : Number(header.backup_header) * SECTOR_SIZE === at;
      found.push({ at: bytes(at), header, inPlace });
    }
    progress(from + chunk.length);
  }
  return found;
}
