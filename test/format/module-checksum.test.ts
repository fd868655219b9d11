import { asItLies, consistentChecksum, isConsistent } from '../../src/format/module.js';
import { firstMainsAfter, previousChecksum, verifiesAfter } from '../../src/format/module-proof.js';
import type { Entry } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';
import {
  acceptedImage,
  consistentSums,
  type ModuleSpec,
  moduleSum,
  writtenImage,
} from '../support/module-image.js';
import { Random } from '../support/random.js';

/** The module's checksum, held against elimination over GF(2) and against what the module itself wrote. */

const test = suite('module checksum');

const SUM_AT = 12;

function randomFront(random: Random, count: number): Buffer {
  const front = Buffer.alloc(8192);
  random.bytes(4096 + Math.max(8, count * 16)).copy(front);
  front.writeUInt32LE(count, 32);
  return front;
}

function randomSpec(random: Random, most = 252): ModuleSpec {
  const count = random.below(most + 1);
  const mainSectors = random.pick([16_384, 2_000_000, 2 ** 32]);
  const first = random.between(16, 64);
  const mains = random.distinct(count, 1, mainSectors - 1);
  const entries = mains.map((main, index): Entry => [main, first + index]);
  return { sectors: 8192, mainSectors, entries, generation: 1, updated: 1_759_500_000 + random.below(9999) };
}

test('what the module reads is consistent, and only that', () => {
  for (const [name, wanted] of [
    ['v3-accepted', true],
    ['v3-gap-before', true],
    ['v3-adopted', false],
    ['v3-over252', false],
    ['v3-scratch', false],
    ['v3-nvme-torn', false],
  ] as const) {
    const image = fixture(`module/${name}.spare`);
    assert.is(isConsistent(asItLies(image, image.readUInt32LE(32))), wanted, name);
  }
  assert.is(fixture('module/v3-accepted.spare').readUInt32LE(SUM_AT), 0xeb37_3b7b);
});

test('for every header and table exactly one checksum is consistent, and it is the computed one', () => {
  const random = new Random(20_261_126);
  for (let round = 0; round < 300; round++) {
    const count = round < 253 ? round : random.below(253);
    const front = randomFront(random, count);
    const sum = consistentChecksum(asItLies(front, count));
    assert.equal(consistentSums(front, count), [sum], `${count} entries`);
    front.writeUInt32LE(sum, SUM_AT);
    assert.is(moduleSum(front, count), sum);
    assert.ok(isConsistent(asItLies(front, count)));
    assert.is(consistentChecksum(asItLies(front, count)), sum, 'what stands in the field does not matter');
    front.writeUInt32LE((sum ^ (1 << random.below(32))) >>> 0, SUM_AT);
    assert.not.ok(isConsistent(asItLies(front, count)));
  }
});

test('a built image is what the module wrote', () => {
  const real = fixture('module/v3-accepted.spare');
  const entries: Entry[] = [
    [12345, 64],
    [777, 65],
    [4000, 66],
  ];
  const spec = { sectors: 8192, mainSectors: 16_384, entries, generation: 7, total: 3 };
  assert.ok(acceptedImage(spec).equals(real));
  const scratch = fixture('module/v3-scratch.spare');
  const built = writtenImage(
    {
      ...spec,
      entries: entries.slice(0, 2),
      generation: 1,
      total: 0,
      created: 1_795_334_182,
      updated: 1_795_334_183,
    },
    'fresh',
  );
  assert.ok(built.equals(scratch));
  const bare = writtenImage(
    { ...spec, entries: entries.slice(0, 2), generation: 1, total: 0, updated: 1_795_334_489 },
    'bare',
  );
  assert.ok(bare.equals(fixture('module/v3-nomagic.spare')));
  // it had read the accepted image: clear, restore, remap 5000
  const adopted = writtenImage(
    { ...spec, entries: [...entries, [5000, 67]], generation: 8, updated: 1_795_335_493 },
    { checksum: 0xeb37_3b7b, firstMain: 12345 },
  );
  const realAdopted = fixture('module/v3-adopted.spare');
  assert.ok(adopted.subarray(0, 8192).equals(realAdopted.subarray(0, 8192)));
});

test('the first main sector of scratch and nomagic is 12345', () => {
  for (const [name, mainSize] of [
    ['scratch', 16_384],
    ['nomagic', undefined],
  ] as const) {
    const summed = asItLies(fixture(`module/v3-${name}.spare`), 2);
    const previous = previousChecksum(summed.block);
    assert.ok(previous !== undefined, name);
    assert.equal(firstMainsAfter(previous, summed, mainSize), [12345], name);
    assert.not.ok(verifiesAfter(previous, summed), name);
  }
});

test('where the previous checksum is known, the first main sector comes back', () => {
  const random = new Random(7);
  for (let round = 0; round < 250; round++) {
    const spec = randomSpec(random);
    const before = random.pick(['fresh', 'bare'] as const);
    const image = writtenImage(spec, before);
    const summed = asItLies(image, spec.entries.length);
    const previous = previousChecksum(summed.block) ?? -1;
    const [first] = spec.entries;
    if (first === undefined) assert.ok(verifiesAfter(previous, summed), 'no entries');
    else assert.equal(firstMainsAfter(previous, summed, spec.mainSectors), [first[0]], `round ${round}`);
  }
});

test('on a main beyond 2 TiB several main sectors fit, and the right one is among them', () => {
  const mainSectors = 2 ** 34;
  const main = 2 ** 33 + 12_345;
  const spec: ModuleSpec = { sectors: 8192, mainSectors, entries: [[main, 64]], generation: 1 };
  const summed = asItLies(writtenImage(spec, 'fresh'), 1);
  const mains = firstMainsAfter(previousChecksum(summed.block) ?? -1, summed, mainSectors);
  assert.is(mains.length, 4);
  assert.ok(mains.includes(main));
});

test('a later generation leaves the previous checksum unknown', () => {
  assert.is(previousChecksum(fixture('module/v3-adopted.spare').subarray(0, 4096)), undefined);
});
