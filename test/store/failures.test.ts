import { ChangeFailed } from '../../src/store/failure.js';
import type { Change } from '../../src/store/step.js';
import { MetadataWriter, type Outcome } from '../../src/store/writer.js';
import { bytes } from '../../src/units.js';
import { buildImage, type ImageSpec, patch } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import {
  assertRecoveredAlways,
  assertRecovers,
  assertWhole,
  failures,
  PLAIN,
  REACHES,
  REDUNDANT,
  REMAPS,
  type Remaps,
  statesJudged,
  WatchedDevice,
} from './failing-commits.js';
import type { Failure } from './failing-device.js';

/** Every write and every flush of a commit fails in every way; what was answered is what the medium holds. */

const test = suite('commits on failing devices');

interface Case {
  readonly name: string;
  readonly change: Change;
  readonly after: (before: Remaps) => Remaps;
  /** One copy can take it. */
  readonly atomic: boolean;
}

const with_ = (remaps: Remaps, ...more: readonly (readonly [number, number])[]) =>
  new Map([...remaps, ...more]);
const without = (remaps: Remaps, ...mains: readonly number[]) =>
  new Map([...remaps].filter(([main]) => !mains.includes(main)));

const CASES: readonly Case[] = [
  {
    name: 'append one',
    change: { append: [[5, 230]] },
    after: (before) => with_(before, [5, 230]),
    atomic: true,
  },
  {
    name: 'append into a second block',
    change: { append: Array.from({ length: 70 }, (_, index) => [5000 + index, 230 + index] as const) },
    after: (before) =>
      with_(before, ...Array.from({ length: 70 }, (_, index) => [5000 + index, 230 + index] as const)),
    atomic: true,
  },
  {
    name: 'remove one',
    change: { remove: [3] },
    after: (before) => without(before, 27),
    atomic: false,
  },
  {
    name: 'remove the last',
    change: { remove: [199] },
    after: (before) => without(before, 199 * 9),
    atomic: true,
  },
  {
    name: 'edit',
    change: { edit: new Map([[10, [90, 240]]]) },
    after: (before) => with_(before, [90, 240]),
    atomic: false,
  },
  {
    name: 'a change of counters',
    change: { header: { total_remaps_created: 777n } },
    after: (same) => same,
    atomic: true,
  },
];

/** Each request of a commit, of which there are at most ten; and each copy on sectors that no longer take a write. */
function* failuresOfCommit(): Generator<Failure> {
  yield* failures(10);
  const area = { primary: { from: 0, to: 12_288 }, backup: { from: 184_320, to: 196_608 } };
  for (const reaches of REACHES)
    for (const within of [area.primary, area.backup])
      for (let from = 0; from < 3; from++) yield { from, times: Number.POSITIVE_INFINITY, reaches, within };
}

/** Which tables may be found, by what was answered. */
function allowedAfter({ kind }: Outcome, before: Remaps, after: Remaps): readonly Remaps[] {
  if (kind === 'unknown') return [before, after];
  return [kind === 'failed' ? before : after];
}

async function tryCase({ change, after, atomic }: Case, spec: ImageSpec, failure: Failure): Promise<boolean> {
  const device = new WatchedDevice(buildImage(spec));
  const random = new Random(failure.from);
  let now = 1_750_000_000n;
  const writer = await MetadataWriter.open(device);
  device.failNow(failure);
  const data = [{ at: bytes(230 * 512), bytes: new Uint8Array(512).fill(7) }];
  const outcome = await writer.commit(change, now++, data);
  await assertRecoveredAlways(device, [REMAPS, after(REMAPS)]);
  if (device.failed === 0) {
    assert.equal([outcome.kind, writer.health], ['committed', 'whole']);
    await assertWhole(device, after(REMAPS));
    return false;
  }
  let allowed = allowedAfter(outcome, REMAPS, after(REMAPS));
  await assertRecovers(device, allowed, random);

  // one more remap, and one less: on a device that works again, or that goes on failing
  if (failure.times !== Number.POSITIVE_INFINITY) device.failNow(undefined);
  const known = writer.health !== 'unknown';
  const more = await writer.commit({ append: [[6, 310]] }, now++);
  if (device.failure === undefined) assert.is(more.kind !== 'failed', known, `${outcome.kind}, ${more.kind}`);
  allowed = allowed.flatMap((before) => allowedAfter(more, before, with_(before, [6, 310])));
  await assertRecovers(device, allowed, random);
  const health = writer.health;
  const less = await writer.commit({ remove: [0] }, now++);
  if (health !== 'whole') assert.is(less.kind, 'failed', 'what is not atomic is refused');
  allowed = allowed.flatMap((before) => allowedAfter(less, before, without(before, 0)));
  await assertRecovers(device, allowed, random);

  device.failNow(undefined);
  assert.ok(await writer.mend(), 'what could not be written is written again in full');
  const table = writer.content.table;
  const remaps = new Map(
    Array.from(table.live(), (slot) => [table.mainSector(slot), table.spareSector(slot)]),
  );
  await assertRecovers(device, [remaps], random);
  await assertWhole(device, remaps);
  assert.ok(atomic || outcome.kind !== 'degraded' || writer.health === 'whole');
  return true;
}

for (const one of CASES)
  test(
    `${one.name}, in two copies`,
    async () => {
      let failed = 0;
      for (const failure of failuresOfCommit()) if (await tryCase(one, REDUNDANT, failure)) failed++;
      assert.ok(failed > 50, `${failed} failures were met`);
    },
    { timeoutMs: 120_000 },
  );

for (const one of CASES.filter(({ atomic }) => atomic))
  test(
    `${one.name}, in one copy`,
    async () => {
      let failed = 0;
      for (const failure of failuresOfCommit()) if (await tryCase(one, PLAIN, failure)) failed++;
      assert.ok(failed > 35, `${failed} failures were met`);
    },
    { timeoutMs: 120_000 },
  );

/** Copies that are made whole before the first commit. */
const STARTS: readonly (readonly [name: string, image: () => Buffer])[] = [
  [
    'a stale backup',
    () => buildImage({ ...REDUNDANT, generation: 2, backupGeneration: 1, backupEntries: [] }),
  ],
  [
    'a stale primary',
    () => buildImage({ ...REDUNDANT, entries: [], backupEntries: REDUNDANT.entries, backupGeneration: 2 }),
  ],
  [
    'a backup torn on its way to the next generation',
    () => {
      const image = buildImage(REDUNDANT);
      patch(image, 'backup', 'generation', 2);
      return image;
    },
  ],
  [
    'no primary',
    () => {
      const image = buildImage(REDUNDANT);
      return image.fill(0, 0, 8192);
    },
  ],
];

for (const [name, image] of STARTS)
  test(`the writer opens on ${name}`, async () => {
    let degraded = 0;
    for (const failure of failures(6)) {
      const device = new WatchedDevice(image());
      const random = new Random(failure.from);
      device.failNow(failure);
      const writer = await MetadataWriter.open(device).catch((error: unknown) => {
        assert.ok(error instanceof ChangeFailed, `${error}`);
        return undefined;
      });
      await assertRecovers(device, [REMAPS], random);
      if (writer === undefined) continue;
      device.failNow(undefined);
      if (writer.health === 'degraded') degraded++;
      const more = await writer.commit({ append: [[6, 310]] }, 1_750_000_000n);
      assert.is(more.kind, writer.health === 'whole' ? 'committed' : 'degraded');
      await assertRecovers(device, [with_(REMAPS, [6, 310])], random);
      assert.ok(await writer.mend());
      await assertWhole(device, with_(REMAPS, [6, 310]));
    }
    assert.ok(degraded > 5, `${degraded} writers were left with one copy`);
  });

/** Slots and sectors that a random commit names, from a table as it is. */
function randomCase(random: Random, remaps: Remaps, writer: MetadataWriter, round: number): Case {
  const { table } = writer.content;
  const slot = random.below(table.count);
  const main = table.mainSector(slot);
  const fresh = [20_000 + round, 230 + round] as const;
  const cases: readonly Case[] = [
    { name: 'append', change: { append: [fresh] }, after: (before) => with_(before, fresh), atomic: true },
    { name: 'remove', change: { remove: [slot] }, after: (before) => without(before, main), atomic: false },
    {
      name: 'edit',
      change: { edit: new Map([[slot, [main, fresh[1]]]]) },
      after: (before) => with_(before, [main, fresh[1]]),
      atomic: false,
    },
  ];
  assert.is(table.count, remaps.size);
  return random.pick(cases);
}

/** A random failure of the next requests; none as often as not. */
function randomFailure(random: Random): Failure | undefined {
  if (random.chance(0.5)) return undefined;
  return { from: random.below(8), times: random.pick([1, 1, 2, 5]), reaches: random.pick(REACHES) };
}

async function tryLongRun(seed: number): Promise<number> {
  const random = new Random(seed);
  const device = new WatchedDevice(buildImage({ ...REDUNDANT, generation: random.pick([1, 0xffff_fff8]) }));
  const writer = await MetadataWriter.open(device);
  let allowed: readonly Remaps[] = [REMAPS];
  let failed = 0;
  for (let round = 0; round < 12; round++) {
    const now = 1_750_000_000n + BigInt(round);
    const [before = REMAPS] = allowed;
    const { change, after } = randomCase(random, before, writer, round);
    device.failNow(randomFailure(random));
    const outcome = await writer.commit(change, now);
    failed += device.failed;
    await assertRecoveredAlways(device, [before, after(before)]);
    allowed = allowedAfter(outcome, before, after(before));
    await assertRecovers(device, allowed, random);
    if (writer.health === 'whole' || (writer.health === 'degraded' && random.chance(0.5))) continue;
    // what the writer takes for its content is `before` while nothing is known
    for (let whole = false; !whole; ) {
      device.failNow(randomFailure(random));
      whole = await writer.mend();
      if (writer.health === 'degraded') await assertRecovers(device, allowed.slice(0, 1), random);
    }
    allowed = allowed.slice(0, 1);
    await assertWhole(device, allowed[0] ?? REMAPS);
  }
  return failed;
}

test(
  'long runs, in which one failure meets what another has left',
  async () => {
    let failed = 0;
    for (let seed = 0; seed < 60; seed++) failed += await tryLongRun(seed);
    console.log(`${failed} requests failed`);
    assert.ok(failed > 200, `${failed}`);
  },
  { timeoutMs: 120_000 },
);

test('how many states were judged', () => {
  console.log(`${statesJudged()} different states of a medium were judged`);
  assert.ok(statesJudged() > 1500);
});
