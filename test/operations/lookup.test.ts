import fc from 'fast-check';
import type { SectorRange } from '../../src/exchange/quantities.js';
import { type LookupRun, lookup } from '../../src/operations/lookup.js';
import { sectors } from '../../src/units.js';
import { fails, Scratch } from '../device/scratch.js';
import { buildImage, type Entry, type ImageSpec, patch } from '../support/build-image.js';
import { EMPTY_SLOT } from '../support/format-numbers.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import { saved, savedSpare, unchanged } from './images.js';

/** Where sectors of main live, against a map of them. */

const test = suite('lookup');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const RUNS = { seed: 20_231_011, numRuns: 120 };
const MAIN = 400;
const SPEC: ImageSpec = { layout: 'redundant', sectors: 1024, mainSectors: MAIN };

const range = (first: number, count = 1): SectorRange => ({ first: sectors(first), count: sectors(count) });

/** Runs as `first+count→spare` or `first+count` where they stay on main. */
function said(runs: readonly LookupRun[]): string {
  return runs
    .map(({ main_sector, count, spare_sector }) => {
      const where = spare_sector === null ? '' : `→${spare_sector}`;
      return `${main_sector}+${count}${where}`;
    })
    .join(' ');
}

/** Entries in runs that are neighbours on one side, on both or on none, in any order. */
function randomEntries(random: Random): Entry[] {
  const spareOf = new Map<number, number>();
  const used = new Set<number>();
  for (let runs = random.below(16); runs > 0; runs--) {
    const [main, spare] = [random.below(MAIN), random.between(100, 800)];
    const step = random.pick([1, 1, 2, -1]);
    for (let index = 0; index < random.pick([1, 3, 20]); index++) {
      const [from, to] = [main + index, spare + index * step];
      if (from >= MAIN || spareOf.has(from) || used.has(to)) break;
      spareOf.set(from, to);
      used.add(to);
    }
  }
  const entries = [...spareOf];
  for (let index = entries.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    const [a, b] = [entries[index], entries[other]];
    if (a !== undefined && b !== undefined) [entries[index], entries[other]] = [b, a];
  }
  return entries;
}

/** What a map answers: neighbours on both sides are one run, neighbours on main alone are one, too. */
function expectedRuns(spareOf: ReadonlyMap<number, number>, { first, count }: SectorRange): string {
  const runs: { main: number; count: number; spare: number | undefined }[] = [];
  for (let sector: number = first; sector < first + count; sector++) {
    const spare = spareOf.get(sector);
    const last = runs.at(-1);
    const follows = last?.spare === undefined ? undefined : last.spare + last.count;
    if (last !== undefined && spare === follows) last.count++;
    else runs.push({ main: sector, count: 1, spare });
  }
  return runs
    .map(({ main, count, spare }) => `${main}+${count}${spare === undefined ? '' : `→${spare}`}`)
    .join(' ');
}

test('random tables and ranges', async () => {
  let remapped = 0;
  const property = fc.asyncProperty(fc.integer(), async (seed) => {
    const random = new Random(seed);
    const entries = randomEntries(random);
    const spareOf = new Map(entries.map(([main, spare]) => [Number(main), Number(spare)]));
    const path = savedSpare(scratch, 'spare.img', { ...SPEC, entries });
    const ranges = Array.from({ length: 12 }, () => {
      const first = random.below(MAIN);
      return range(first, Math.min(random.pick([1, 1, 2, 30, MAIN]), MAIN - first));
    });
    for (const one of ranges) {
      const { valid, runs, allRemapped } = await lookup(path, [one]);
      assert.ok(valid);
      assert.is(said(runs), expectedRuns(spareOf, one));
      const all = Array.from({ length: one.count }, (_, index) => spareOf.has(one.first + index));
      assert.is(allRemapped, !all.includes(false));
      if (allRemapped) remapped++;
    }
    const together = await lookup(path, ranges);
    assert.is(said(together.runs), ranges.map((one) => expectedRuns(spareOf, one)).join(' '));
  });
  await fc.assert(property, RUNS);
  assert.ok(remapped > 20, `${remapped}`);
});

async function saidOf(entries: readonly Entry[], ...ranges: SectorRange[]): Promise<string> {
  return said((await lookup(savedSpare(scratch, 'spare.img', { ...SPEC, entries }), ranges)).runs);
}

test('runs are told in the order asked for', async () => {
  const entries: Entry[] = [
    [7, 200],
    [5, 198],
    [6, 199],
    [8, 300],
  ];
  assert.is(await saidOf(entries, range(4, 6)), '4+1 5+3→198 8+1→300 9+1');
  assert.is(await saidOf(entries, range(8), range(6), range(6, 2), range(0)), '8+1→300 6+1→199 6+2→199 0+1');
  assert.is(await saidOf([], range(0, MAIN)), `0+${MAIN}`);
});

test('an empty slot is no remap, and of two for one sector the first answers', async () => {
  assert.is(
    await saidOf(
      [
        [EMPTY_SLOT, 200],
        [9, 201],
      ],
      range(8, 3),
    ),
    '8+1 9+1→201 10+1',
  );
  const twice: Entry[] = [
    [9, 300],
    [9, 301],
    [10, 302],
  ];
  assert.is(await saidOf(twice, range(9, 2)), '9+1→300 9+1→301 10+1→302');
});

test('disks of many terabytes are exact', async () => {
  const far = 2 ** 43;
  const spec: ImageSpec = {
    ...SPEC,
    mainSectors: 2 ** 44,
    entries: [
      [far, 200],
      [far + 1, 201],
      [1, 300],
    ],
  };
  const path = savedSpare(scratch, 'spare.img', spec);
  const { runs } = await lookup(path, [range(0, 2 ** 44)]);
  assert.is(said(runs), `0+1 1+1→300 2+${far - 2} ${far}+2→200 ${far + 2}+${far - 2}`);
});

test('the newer copy answers, a damaged set says nothing, a retired one answers for itself', async () => {
  const stale = savedSpare(scratch, 'stale.img', {
    ...SPEC,
    entries: [[5, 200]],
    backupEntries: [
      [5, 200],
      [6, 300],
    ],
    backupGeneration: 2,
  });
  assert.is(said((await lookup(stale, [range(6)])).runs), '6+1→300');
  const image = buildImage({ ...SPEC, entries: [[5, 200]] });
  patch(image, 'both', 'state', 1);
  const damaged = saved(scratch, 'damaged.img', image);
  const same = unchanged(damaged);
  assert.equal(await lookup(damaged, [range(5)]), { valid: false, runs: [], allRemapped: false });
  assert.ok(same());
  const retired = savedSpare(scratch, 'retired.img', { ...SPEC, role: 2, entries: [[5, 200]] });
  assert.is(said((await lookup(retired, [range(5)])).runs), '5+1→200');
});

test('what is not known is refused', async () => {
  const future = savedSpare(scratch, 'future.img', { ...SPEC, fields: { incompat_flags: 1 } });
  await fails('unsupported', lookup(future, [range(5)]));
  await fails('not-dmremap3', lookup(saved(scratch, 'zeros.img', Buffer.alloc(8192)), [range(5)]));
});
