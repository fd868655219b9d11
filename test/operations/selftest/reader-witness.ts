import type { BlockDevice } from '../../../src/device/block-device.js';
import { NO_SET, type Witness } from '../../../src/operations/selftest/witness.js';
import { bytes } from '../../../src/units.js';
import { SECTOR } from '../../support/format-numbers.js';
import { judge } from '../../support/reader.js';

/** What a device holds by the independent reader of format.md. */
export const readerWitness: Witness = {
  async tell(device) {
    const image = await contentOf(device);
    const { truth, shape, n } = judge(image);
    if (truth === null || shape === null) return n === 8 ? NO_SET : undefined;
    const lines = truth.map(([main, spare]) => {
      const data = image.subarray(spare * SECTOR, (spare + 1) * SECTOR);
      return `${main} at ${spare}: ${data.toString('hex', 0, 16)}`;
    });
    const { redundant, maxEntries } = shape;
    return [`max_entries ${maxEntries}`, `redundant ${redundant}`, ...lines].join('\n');
  },
  async complain(device) {
    const { n, why } = judge(await contentOf(device));
    return n === 0 || n === 8 ? undefined : `the reader says ${n}, ${why.join(', ')}`;
  },
};

async function contentOf(device: BlockDevice): Promise<Buffer> {
  const image = Buffer.alloc(device.size);
  await device.read(bytes(0), image);
  return image;
}
