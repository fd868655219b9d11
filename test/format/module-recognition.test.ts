import { decodeHeader } from '../../src/format/header.js';
import { MODULE_METADATA_SIZE } from '../../src/format/module.js';
import { type ModuleEvidence, recogniseModule } from '../../src/format/module-recognition.js';
import { buildImage, type Entry, patch } from '../support/build-image.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { checksumOf } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { mutation } from '../support/mutate.js';
import { Random } from '../support/random.js';

/** What the kernel module wrote is known by it, and nothing of ours ever is. */

const test = suite('module recognition');

/** Where the survey asks: a front with our magic whose checksum by section 3 does not fit. */
function evidenceIn(image: Buffer): ModuleEvidence | undefined {
  return image.length < 8192 ? undefined : recogniseModule(image.subarray(0, MODULE_METADATA_SIZE));
}

/** The checksum of section 3 fits: nobody asks whether the module wrote it. */
function isSealed(image: Buffer): boolean {
  const header = image.subarray(0, 4096);
  const table = image.subarray(4096, 4096 + 16 * header.readUInt32LE(32));
  return header.readUInt32LE(12) === checksumOf(header, table);
}

const FROM_MODULE: readonly (readonly [name: string, certainty: 'certain' | 'likely', says: RegExp])[] = [
  ['v3-accepted', 'certain', /self-consistent/],
  ['v3-gap-before', 'certain', /self-consistent/],
  ['v3-scratch', 'certain', /fresh header, with entry 0 at main sector 12345$/],
  ['v3-adopted', 'likely', /without a gap, total_remaps_created 3 is less than its 4 entries/],
  ['v3-over252', 'likely', /without a gap, total_remaps_created 3 is less than its 252 entries/],
  ['v3-nvme-torn', 'likely', /without a gap, its state is 2/],
];

for (const [name, certainty, says] of FROM_MODULE)
  test(`${name}: ${certainty}`, () => {
    const evidence = evidenceIn(fixture(`module/${name}.spare`));
    assert.is(evidence?.certainty, certainty);
    assert.match(evidence?.says ?? '', says);
  });

test('without a magic nothing can be told', () => {
  assert.is(evidenceIn(fixture('module/v3-nomagic.spare')), undefined);
});

test('no other golden image is taken for one', () => {
  const others = fixtureNames().filter((name) => !name.startsWith('module/') && fixture(name).length >= 8192);
  assert.ok(others.length > 20);
  for (const name of others) assert.is(evidenceIn(fixture(name)), undefined, name);
});

test('what the module accepts is known after its data has changed, too', () => {
  const image = fixture('module/v3-accepted.spare');
  new Random(1).bytes(4096).copy(image, 64 * 512);
  assert.is(evidenceIn(image)?.certainty, 'certain');
});

test('a damaged module image is at most likely one', () => {
  const random = new Random(2);
  for (let round = 0; round < 500; round++) {
    const image = fixture('module/v3-accepted.spare');
    const at = random.below(4096 + 3 * 16);
    image[at] = (image[at] ?? 0) ^ (1 << random.below(8));
    assert.is.not(evidenceIn(image)?.certainty, 'certain', `a bit of byte ${at}`);
  }
});

/** A plain set as like the module's as ours can be: its capacity, sectors in a row, the first sector of main. */
function lookalike(random: Random): Buffer {
  const count = random.between(2, 60);
  const first = random.between(16, 40);
  const entries = Array.from({ length: count }, (_, index): Entry => {
    const main = index === 0 && random.chance(0.3) ? 0 : random.below(1_000_000) * 2 + 1;
    return [main, first + index];
  });
  return buildImage({
    layout: 'plain',
    sectors: 256,
    maxEntries: 252,
    mainSectors: random.pick([2_000_001, 2 ** 33, 2 ** 40]),
    generation: random.pick([1, 1, 2, 50]),
    state: random.pick([0, 0, 1]),
    entries,
  });
}

test('no plain set with one flipped bit is, however like it looks', () => {
  const random = new Random(3);
  for (let round = 0; round < 600; round++) {
    const image = lookalike(random);
    assert.ok(isSealed(image));
    const live = 4096 + 16 * image.readUInt32LE(32);
    const at = random.chance(0.5) ? random.below(72) : random.below(live);
    const bit = random.below(8);
    image[at] = (image[at] ?? 0) ^ (1 << bit);
    assert.is(evidenceIn(image), undefined, `bit ${bit} of byte ${at}, round ${round}`);
  }
});

test('no plain set with lost bytes in its checksum, times or sizes is', () => {
  const random = new Random(4);
  for (let round = 0; round < 400; round++) {
    const image = lookalike(random);
    const [at, length] = random.pick([
      [12, 4],
      [16, 16],
      [40, 8],
      [48, 8],
      [60, 4],
    ] as const);
    random.bytes(length).copy(image, at);
    assert.is(evidenceIn(image), undefined, `${length} bytes at ${at}, round ${round}`);
  }
});

test('no set of ours is, damaged or not', () => {
  let asked = 0;
  for (let seed = 5000; seed < 11_500; seed++) {
    const { image, base, description } = mutation(seed);
    for (const one of [base, image]) {
      if (one.length < 8192 || decodeHeader(one).magic !== 'DMREMAP3' || isSealed(one)) continue;
      asked++;
      assert.is(evidenceIn(one), undefined, description);
    }
  }
  assert.ok(asked > 1000, `${asked} fronts`);
});

test('traits count only where our own fields cannot explain them', () => {
  const entries: Entry[] = [
    [5, 16],
    [9, 17],
    [2, 18],
  ];
  const image = buildImage({ layout: 'plain', sectors: 256, maxEntries: 252, entries });
  patch(image, 'primary', 'total_remaps_created', 0);
  patch(image, 'primary', 'state', 2);
  assert.is(evidenceIn(image)?.certainty, 'likely');
  patch(image, 'primary', 'max_entries', 251);
  assert.is(evidenceIn(image), undefined);
  const gap = buildImage({ layout: 'plain', sectors: 256, maxEntries: 252, entries: [...entries, [7, 30]] });
  patch(gap, 'primary', 'total_remaps_created', 0);
  patch(gap, 'primary', 'state', 2);
  assert.is(evidenceIn(gap), undefined);
});
