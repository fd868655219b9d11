import { MemoryDevice } from '../../src/device/memory-device.js';
import { readDamagedSet } from '../../src/operations/reconstruct.js';
import { type Surveyed, surveySpare } from '../../src/operations/survey.js';
import { reconstruct } from '../../src/repair/reconstruct/reconstruct.js';
import type { Entry } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { acceptedImage, type Before, type ModuleSpec, writtenImage } from '../support/module-image.js';
import { mutation } from '../support/mutate.js';
import { Random } from '../support/random.js';

/** Spares of ours and of the kernel module are never taken for each other, damaged or not. */

const test = suite('ours or the kernel module');

/** Of each kind. */
const CASES = 10_000;

/** Each spare is damaged so many times, in other ways. */
const DAMAGED_OF_EACH = 4;

const PATIENT = { timeoutMs: 200_000 };

function survey(image: Buffer): Promise<Surveyed> {
  return surveySpare(new MemoryDevice(new Uint8Array(image)), { skipBeyond: true });
}

test(
  'no set of ours is taken for one of the module',
  async () => {
    let asked = 0;
    for (let seed = 700_000; asked < CASES; seed++) {
      const { image, base, description } = mutation(seed);
      for (const one of [base, image]) {
        if (one.length < 8192) continue;
        asked++;
        assert.is((await survey(one)).module, undefined, description);
      }
    }
  },
  PATIENT,
);

test(
  'no spare of the module is taken for one of ours',
  async () => {
    const random = new Random(20_261_126);
    let [asked, recognised, built] = [0, 0, 0];
    while (asked < CASES) {
      const { image, told } = moduleSpare(random);
      const whole = await survey(image);
      built++;
      assert.is(whole.choice.chosen, undefined, told);
      if (whole.module !== undefined) recognised++;
      for (let times = 0; times < DAMAGED_OF_EACH; times++) {
        const damaged = Buffer.from(image);
        const damage = hurt(damaged, random);
        assert.is((await survey(damaged)).choice.chosen, undefined, `${told}; ${damage}`);
      }
      asked += 1 + DAMAGED_OF_EACH;
    }
    // a bare header is none by itself, and a single entry of a later generation tells nothing
    assert.ok(recognised > built / 2, `${recognised} of ${built} recognised`);
  },
  PATIENT,
);

test('nothing of ours is proven in what the module wrote', async () => {
  const random = new Random(5);
  for (let round = 0; round < 300; round++) {
    const { image, told } = moduleSpare(random);
    if (round % 2 === 1) hurt(image, random);
    const device = new MemoryDevice(new Uint8Array(image));
    const { copies } = await survey(image);
    const { candidates } = reconstruct(await readDamagedSet(device, copies, []));
    assert.equal(
      candidates.filter(({ proven }) => proven),
      [],
      told,
    );
  }
});

function moduleSpare(random: Random): { image: Buffer; told: string } {
  const count = random.pick([0, 1, 2, 3, random.below(60), 252]);
  const mainSectors = random.pick([2048, 16_384, 2_000_000]);
  const first = random.between(16, 40);
  const mains = random.distinct(count, 1, mainSectors - 1);
  const entries = mains.map((main, index): Entry => [main, first + index]);
  const generation = random.pick([1, 1, 2, 7]);
  const spec: ModuleSpec = { sectors: 320, mainSectors, entries, generation };
  const form = random.pick(['accepted', 'fresh', 'bare', 'known'] as const);
  const before: Before =
    form === 'known'
      ? { checksum: random.u32(), firstMain: random.below(mainSectors) }
      : form === 'bare'
        ? 'bare'
        : 'fresh';
  return {
    image: form === 'accepted' ? acceptedImage(spec) : writtenImage(spec, before),
    told: `${form}, ${count} entries, generation ${generation}`,
  };
}

/** One to three random damages within the metadata. */
function hurt(image: Buffer, random: Random): string {
  const done: string[] = [];
  for (let times = random.between(1, 3); times > 0; times--) {
    const at = random.chance(0.5) ? random.below(72) : random.below(8128);
    const kind = random.pick(['bit', 'byte', 'zeros', 'sector'] as const);
    done.push(`${kind} at ${at}`);
    if (kind === 'bit') image[at] = (image[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 'byte') image[at] = random.below(256);
    else if (kind === 'zeros') image.fill(0, at, at + random.between(1, 16));
    else image.fill(0, at - (at % 512), at - (at % 512) + 512);
  }
  return done.join(', ');
}
