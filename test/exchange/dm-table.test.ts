import fc from 'fast-check';
import {
  linearLines,
  linearSegments,
  type Remap,
  remapLine,
  remapMessages,
  type Segment,
  splitBlock,
} from '../../src/exchange/dm-table.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { type Line, mergeable, placeOf, readTable } from './table-reader.js';

/** A table says of every sector what the remaps say of it: read as text, sector by sector. */

const test = suite('dm table');
const RUNS = { seed: 20_231_008, numRuns: 1500 };
const DEVICES = { main: '/dev/main', spare: '8:16' };

interface Case {
  readonly mainSize: number;
  readonly remaps: readonly Remap[];
}

/** Single remaps and runs of them, at both ends of main too; runs may be neighbours on one side only. */
function randomCase(random: Random): Case {
  const mainSize = random.between(1, 300);
  const spareOf = new Map<number, number>();
  const used = new Set<number>();
  for (let runs = random.below(14); runs > 0; runs--) {
    const main = random.chance(0.2) ? 0 : random.below(mainSize);
    const spare = random.between(100, 460);
    const step = random.pick([1, 1, 1, -1, 2]);
    for (let index = 0; index < random.pick([1, 1, 2, 8, 40]); index++) {
      const [from, to] = [main + index, spare + index * step];
      if (from >= mainSize || spareOf.has(from) || used.has(to)) break;
      spareOf.set(from, to);
      used.add(to);
    }
  }
  const remaps = [...spareOf].map(([main, spare]) => ({ main, spare })).sort((a, b) => a.main - b.main);
  return { mainSize, remaps };
}

const cases = fc.integer().map((seed) => randomCase(new Random(seed)));

function linesOf({ mainSize, remaps }: Case): Line[] {
  return readTable([...linearLines(linearSegments(mainSize, remaps), DEVICES)].join('\n'));
}

test('every sector lies where the remaps put it', () => {
  const property = fc.property(cases, (one) => {
    const lines = linesOf(one);
    const spareOf = new Map(one.remaps.map(({ main, spare }) => [main, spare]));
    for (let sector = 0; sector < one.mainSize; sector++) {
      const spare = spareOf.get(sector);
      const expected =
        spare === undefined ? { device: '/dev/main', sector } : { device: '8:16', sector: spare };
      assert.equal(placeOf(lines, sector), expected, `sector ${sector}`);
    }
    assert.is(lines.at(-1)?.start, one.mainSize - (lines.at(-1)?.length ?? 0), 'main ends where it ends');
  });
  fc.assert(property, RUNS);
});

test('no two lines could be one', () => {
  const property = fc.property(cases, (one) => assert.is(mergeable(linesOf(one)), undefined));
  fc.assert(property, RUNS);
});

test('neighbours on both sides are one line, neighbours on one side are two', () => {
  const lines = (...remaps: [number, number][]) => [
    ...linearLines(
      linearSegments(
        10,
        remaps.map(([main, spare]) => ({ main, spare })),
      ),
      DEVICES,
    ),
  ];
  assert.equal(lines(), ['0 10 linear /dev/main 0']);
  assert.equal(lines([3, 50], [4, 51]), [
    '0 3 linear /dev/main 0',
    '3 2 linear 8:16 50',
    '5 5 linear /dev/main 5',
  ]);
  assert.equal(lines([3, 50], [4, 49]).length, 4);
  assert.equal(lines([3, 50], [5, 51]).length, 5);
  assert.equal(lines([0, 50], [9, 51]), [
    '0 1 linear 8:16 50',
    '1 8 linear /dev/main 1',
    '9 1 linear 8:16 51',
  ]);
  assert.equal(lines(...Array.from({ length: 10 }, (_, index): [number, number] => [index, 70 + index])), [
    '0 10 linear 8:16 70',
  ]);
});

test('disks of many terabytes are exact', () => {
  const mainSize = 2 ** 44;
  const remaps = [
    { main: 2 ** 43, spare: 2 ** 42 },
    { main: 2 ** 43 + 1, spare: 2 ** 42 + 1 },
    { main: mainSize - 1, spare: 7 },
  ];
  assert.equal(
    [...linearLines(linearSegments(mainSize, remaps), DEVICES)],
    [
      '0 8796093022208 linear /dev/main 0',
      '8796093022208 2 linear 8:16 4398046511104',
      '8796093022210 8796093022205 linear /dev/main 8796093022210',
      '17592186044415 1 linear 8:16 7',
    ],
  );
});

test('a logical block is split exactly where its sectors do not stay together', () => {
  let whole = 0;
  const property = fc.property(fc.integer(), fc.constantFrom(1, 2, 4), (seed, sectorsInBlock) => {
    const random = new Random(seed);
    const one = random.chance(0.5) ? randomCase(random) : blockwiseCase(random, sectorsInBlock);
    const mainSize = Math.ceil(one.mainSize / sectorsInBlock) * sectorsInBlock;
    const split = splitBlock(linearSegments(mainSize, one.remaps), sectorsInBlock);
    const spareOf = new Map(one.remaps.map(({ main, spare }) => [main, spare]));
    const together = Array.from({ length: mainSize / sectorsInBlock }, (_, block) => {
      const first = block * sectorsInBlock;
      const places = Array.from({ length: sectorsInBlock }, (_, index) => spareOf.get(first + index));
      const [start] = places;
      return start === undefined
        ? places.every((place) => place === undefined)
        : start % sectorsInBlock === 0 && places.every((place, index) => place === start + index);
    });
    assert.is(split === undefined, !together.includes(false));
    if (split === undefined) whole++;
    else assert.ok(misaligned(split, sectorsInBlock));
  });
  fc.assert(property, RUNS);
  assert.ok(whole > RUNS.numRuns / 10, `only ${whole} tables without a split block`);
});

function blockwiseCase(random: Random, size: number): Case {
  const blocks = random.between(1, 30);
  const places = random.distinct(Math.min(blocks, 10), 10, 60);
  const remaps = random.distinct(places.length, 0, blocks - 1).flatMap((block, index) =>
    Array.from({ length: size }, (_, sector) => ({
      main: block * size + sector,
      spare: (places[index] ?? 0) * size + sector,
    })),
  );
  return { mainSize: blocks * size, remaps: remaps.sort((a, b) => a.main - b.main) };
}

function misaligned({ start, length, offset }: Segment, size: number): boolean {
  return [start, length, offset].some((value) => value % size !== 0);
}

/** What the module does with a line and messages: each `remap` takes the next sector of the spare. */
function afterMessages(line: string, messages: readonly string[]): Remap[] {
  const [, , target, , , first = '', length = ''] = line.split(' ');
  assert.is(target, 'remap');
  let remaps: Remap[] = [];
  for (const message of messages) {
    if (message === 'clear') remaps = [];
    else
      remaps.push({ main: Number(/^remap (\d+)$/.exec(message)?.[1]), spare: Number(first) + remaps.length });
  }
  assert.ok(remaps.length <= Number(length), 'more remaps than the line allows');
  return remaps;
}

test('the module is told the same remaps, or nothing where they leave a gap', () => {
  const property = fc.property(fc.integer(), (seed) => {
    const random = new Random(seed);
    const first = random.between(16, 40);
    const mains = random.distinct(random.below(20), 0, 999);
    const gap = random.chance(0.3) ? random.below(20) : Number.POSITIVE_INFINITY;
    const remaps = mains.map((main, index) => ({ main, spare: first + index + (index > gap ? 1 : 0) }));
    const gapless = remaps.every(({ spare }, index) => spare === first + index);
    const answer = remapLine(1000, remaps, 16, 80, { main: '/dev/a', spare: '/dev/b' });
    assert.is(answer !== undefined, gapless);
    if (answer === undefined) return;
    const start = remaps.length === 0 ? 16 : first;
    assert.is(answer, `0 1000 remap /dev/a /dev/b ${start} ${80 - start}`);
    const messages = [...remapMessages(remaps)];
    assert.is(messages[0], 'clear');
    assert.equal(afterMessages(answer, messages), remaps);
  });
  fc.assert(property, RUNS);
});
