import { Recording } from '../../src/device/crash/recording.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { convert } from '../../src/operations/selftest/changes.js';
import { Stage } from '../../src/operations/selftest/stage.js';
import { bytes } from '../../src/units.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { acceptedImage, writtenImage } from '../support/module-image.js';
import { Random } from '../support/random.js';
import { judge } from '../support/reader.js';

/** From the kernel module's layout to ours and back, with random tables: every remap and its data is kept. */

const test = suite('module, redundant, module');

const ROUNDS = 90;

test('every remap and every datum is kept', async () => {
  const random = new Random(20_261_126);
  for (let round = 0; round < ROUNDS; round++) {
    const count = round === 0 ? 0 : round === 1 ? 252 : random.below(253);
    const sectors = 640 + random.below(64);
    const first = random.between(16, sectors - 33 - count);
    const mains = random.distinct(count, 1, 99_999);
    const entries = mains.map((main, index): Entry => [main, first + index]);
    const spec = { sectors, mainSectors: 100_000, entries, generation: 1 };
    // what the module wrote itself is proven, and as good
    const image = random.chance(0.5) ? acceptedImage(spec) : writtenImage(spec, 'fresh');
    const wanted = new Map<number, string>();
    for (const [main, spare] of entries) {
      const data = random.bytes(SECTOR);
      data.copy(image, Number(spare) * SECTOR);
      wanted.set(Number(main), data.toString('hex'));
    }
    const sorted = new Map([...wanted].sort(([a], [b]) => a - b));
    const told = `round ${round}, ${count} entries from ${first} on`;
    const states = await converted(image, ['redundant', 'module', 'plain', 'module']);
    for (const [index, one] of states.entries()) {
      assert.is(judge(one).n, 0, `${told}, after ${index + 1} conversions: ${judge(one).why}`);
      assert.equal([...shown(one)], [...sorted], `${told}, after ${index + 1} conversions`);
    }
  }
});

/** The device after each of these conversions. */
async function converted(
  image: Buffer,
  layouts: readonly ('redundant' | 'plain' | 'module')[],
): Promise<Buffer[]> {
  const device = new MemoryDevice(new Uint8Array(image));
  return Stage.run({ name: 'module', device }, new Recording(), async (stage) => {
    const states: Buffer[] = [];
    for (const layout of layouts) {
      await convert(layout)(stage);
      const state = Buffer.alloc(image.length);
      await stage.device.read(bytes(0), state);
      states.push(state);
    }
    return states;
  });
}

/** Main sectors with their data, by the independent reader. */
function shown(image: Buffer): Map<number, string> {
  const truth = judge(image).truth ?? [];
  const data = new Map(
    truth.map(([main, spare]) => [main, image.toString('hex', spare * SECTOR, (spare + 1) * SECTOR)]),
  );
  return new Map([...data].sort(([a], [b]) => a - b));
}
