import type { BlockDevice } from '../device/block-device.js';
import { bytes, roundDown, SECTOR_SIZE } from '../units.js';
import type { Write } from './phase.js';

/**
 * The same writes in whole logical blocks: what shares one with a sector that is written is written with it, as
 * it is. Where a block is a sector they stay as they are.
 */
export async function wholeBlocks(device: BlockDevice, writes: readonly Write[]): Promise<Write[]> {
  const size = device.logicalBlockSize;
  if (size === SECTOR_SIZE) return [...writes];
  const blocks = new Map<number, Uint8Array>();
  for (const { at, bytes: content } of writes)
    for (let done = 0; done < content.length; ) {
      const start = roundDown(at + done, size);
      const length = Math.min(content.length - done, start + size - at - done);
      const block = blocks.get(start) ?? new Uint8Array(size);
      if (!blocks.has(start) && length < size) await device.read(bytes(start), block);
      block.set(content.subarray(done, done + length), at + done - start);
      blocks.set(start, block);
      done += length;
    }
  return Array.from(blocks, ([at, block]) => ({ at: bytes(at), bytes: block }));
}
