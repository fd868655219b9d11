import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import { type Bytes, bytes, sectors } from '../../src/units.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { SECTOR, settings } from './stand.js';

/** A main that does not answer, and a set that is to be closed all the same. */

const test = suite('remap device on a main that hangs');

/** Reads of this sector never end. */
const HANGS = 7;

class HangingDevice extends FilterDevice {
  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    if (at <= HANGS * SECTOR && at + into.length > HANGS * SECTOR) await new Promise(() => {});
    await super.read(at, into);
  }
}

test('closing does not wait for ever: what was saved is there, and the set is marked as in use', async () => {
  const image = buildImage({
    layout: 'redundant',
    sectors: 512,
    maxEntries: 100,
    mainSectors: 256,
    entries: [],
  });
  const spare = new MemoryDevice(new Uint8Array(image), { name: 'spare' });
  const main = new HangingDevice(new MemoryDevice(new Uint8Array(256 * SECTOR), { name: 'main' }));
  const set = await RemapSet.open(main, spare, settings());
  await set.remap(sectors(20));
  void set.device.read(bytes(HANGS * SECTOR), new Uint8Array(SECTOR));
  const error: unknown = await set.close().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DmremapError && error.code === 'busy');
  const { p, truth } = judge(Buffer.from(spare.content));
  assert.is(p, 1, 'cleared unattended');
  assert.equal(
    truth?.map(([sector]) => sector),
    [20],
  );
});
