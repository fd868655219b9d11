import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { LogDevice } from '../../src/device/filters/log-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { type Guard, MetadataWriter } from '../../src/store/writer.js';
import { bytes } from '../../src/units.js';
import { buildImage, type Entry, type ImageSpec, patch, patchSealed } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';

/** A writer that commits again and again: after each commit the independent reader sees exactly that. */

const test = suite('metadata writer');

const NOW = 1_750_000_000n;
const ENTRIES = Array.from({ length: 300 }, (_, index): Entry => [index * 7, 200 + index]);
const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: ENTRIES };

function remapsIn(device: MemoryDevice): Map<number, number> {
  const { n, truth, why } = judge(Buffer.from(device.content));
  assert.equal([n, why], [0, []]);
  return new Map(truth);
}

test('appended, edited, removed, all at once and one after the other', async () => {
  const device = new MemoryDevice(new Uint8Array(buildImage(SPEC)));
  const writer = await MetadataWriter.open(device);
  const expected = new Map(ENTRIES.map(([main, spare]) => [Number(main), Number(spare)]));
  const commit = async (change: Parameters<MetadataWriter['commit']>[0]) => {
    assert.equal(await writer.commit(change, NOW), { kind: 'committed' });
    assert.equal(
      [...remapsIn(device)],
      [...expected].sort(([a], [b]) => a - b),
    );
  };
  for (let index = 0; index < 700; index++) {
    expected.set(5000 + index, 600 + index);
    await commit({ append: [[5000 + index, 600 + index]] });
  }
  expected.set(7, 1500);
  await commit({ edit: new Map([[1, [7, 1500]]]) });
  for (const slot of [0, 3, 999, 998]) expected.delete(slot < 300 ? slot * 7 : 4700 + slot);
  await commit({ remove: [998, 0, 3, 999] });
  expected.set(1, 1600);
  expected.delete(14);
  await commit({ remove: [2], append: [[1, 1600]], header: { total_remaps_created: 1001n } });
  assert.is(writer.content.header.generation, 704);
});

async function refusedOn(image: Buffer, generation?: number): Promise<[code: string, message: string]> {
  const log = new LogDevice(new MemoryDevice(image));
  const error: unknown = await MetadataWriter.open(log, generation === undefined ? {} : { generation }).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DmremapError, 'the writer was opened');
  assert.equal([log.count('write'), log.count('flush')], [0, 0]);
  return [error.code, error.message];
}

test('nothing is written where check has to come first', async () => {
  const cases: [image: Buffer, why: RegExp][] = [
    [buildImage({ ...SPEC, tailBytes: Buffer.alloc(4096) }), /has grown/],
    [Buffer.alloc(1 << 20), /no copy/],
    [damaged((image) => patchSealed(image, 'backup', 'state', 1)), /no copy/],
    [
      damaged((image) => patchSealed(image, 'backup', 'spare_uuid', Buffer.alloc(16, 7))),
      /not be written over/,
    ],
    [damaged((image) => patch(image, 'backup', 'generation', 3)), /not be written over/],
    [damaged((image) => patchSealed(image, 'backup', 'version', 2)), /not known/],
  ];
  for (const [image, why] of cases) {
    const [code, message] = await refusedOn(image);
    assert.is(code, 'changed-since');
    assert.match(message, why);
  }
});

function damaged(change: (image: Buffer) => void): Buffer {
  const image = buildImage(SPEC);
  change(image);
  return image;
}

test('what was decided by an older generation is not begun', async () => {
  const [code, message] = await refusedOn(buildImage({ ...SPEC, generation: 8 }), 7);
  assert.is(code, 'changed-since');
  assert.match(message, /has generation 8, not 7/);
  const writer = await MetadataWriter.open(new MemoryDevice(buildImage(SPEC)), { generation: 1 });
  assert.is(writer.health, 'whole');
});

test('what is read is flushed before the first commit, and what it writes is what was planned', async () => {
  const log = new LogDevice(new MemoryDevice(buildImage(SPEC)));
  const writer = await MetadataWriter.open(log);
  assert.equal([log.count('flush'), log.count('write')], [1, 0]);
  log.requests.length = 0;
  const data = [{ at: bytes(600 * 512), bytes: new Uint8Array(512).fill(9) }];
  const change = { append: [[3, 600]] } as const;
  const planned = writer.plan(change, NOW, data);
  await writer.commit(change, NOW, data);
  const lines = planned.flatMap(({ writes }) => [
    ...writes.map(({ at, bytes: { length } }) => `write ${at}+${length}`),
    'flush',
  ]);
  assert.equal(log.lines(), lines);
  assert.equal(log.lines().slice(0, 2), ['write 307200+512', 'flush'], 'the data of new entries first');
});

test('a plain image takes what would tear its only copy under a guard alone', async () => {
  const plain: ImageSpec = { ...SPEC, layout: 'plain' };
  const unguarded = await MetadataWriter.open(new MemoryDevice(buildImage(plain)));
  const refused = await unguarded.commit({ remove: [3] }, NOW);
  assert.is(refused.kind === 'failed' && refused.failure.code, 'undo-unavailable');

  const log = new LogDevice(new MemoryDevice(buildImage(plain)));
  const guarded: string[] = [];
  const guard: Guard = async (phases, work) => {
    guarded.push(...phases.map(({ purpose }) => purpose));
    assert.is(log.count('write'), 0, 'nothing is written before what it overwrites is saved');
    await work();
  };
  const writer = await MetadataWriter.open(log, { guard });
  assert.equal(await writer.commit({ remove: [3] }, NOW), { kind: 'committed' });
  assert.equal(await writer.commit({ append: [[3, 600]] }, NOW), { kind: 'committed' });
  assert.equal(guarded, ['commit generation 2 to the primary copy'], 'what is atomic needs none');
});

test('a failure that the guard tells in its own words leaves nothing known', async () => {
  const memory = new MemoryDevice(buildImage({ ...SPEC, layout: 'plain' }));
  const failing = new ErrorDevice(memory);
  const guard: Guard = async (_, work) => {
    failing.failFlushes(1);
    try {
      await work();
    } catch (error) {
      throw new DmremapError('io', 'told by the guard', { cause: error });
    }
  };
  const writer = await MetadataWriter.open(failing, { guard });
  const outcome = await writer.commit({ remove: [3] }, NOW);
  assert.equal(
    [outcome.kind, 'failure' in outcome && outcome.failure?.message],
    ['unknown', 'told by the guard'],
  );
  assert.is(writer.health, 'unknown');
  assert.ok(await writer.mend());
  assert.equal([...remapsIn(memory)].length, ENTRIES.length, 'what was there before');
});

test('a guard that lets nothing begin has changed nothing; one that fails at its end has not undone it', async () => {
  const memory = new MemoryDevice(buildImage({ ...SPEC, layout: 'plain' }));
  let isLate = false;
  const guard: Guard = async (_, work) => {
    if (isLate) await work();
    throw new DmremapError('undo-unavailable', 'told by the guard');
  };
  const writer = await MetadataWriter.open(memory, { guard });
  const before = remapsIn(memory);
  const refused = await writer.commit({ remove: [3] }, NOW);
  assert.is(refused.kind === 'failed' && refused.failure.code, 'undo-unavailable');
  assert.equal([...remapsIn(memory)], [...before]);
  isLate = true;
  assert.equal(await writer.commit({ remove: [3] }, NOW), { kind: 'committed' });
  assert.is([...remapsIn(memory)].length, ENTRIES.length - 1);
  assert.equal(await writer.commit({ append: [[3, 600]] }, NOW), { kind: 'committed' });
  assert.is([...remapsIn(memory)].length, ENTRIES.length);
});

test('two commits at once are a mistake', async () => {
  const writer = await MetadataWriter.open(new MemoryDevice(buildImage(SPEC)));
  const first = writer.commit({ append: [[3, 600]] }, NOW);
  const second: unknown = await writer.commit({ append: [[4, 601]] }, NOW).catch((error: unknown) => error);
  assert.match(String(second), /two writes of metadata at once/);
  const third: unknown = await Promise.all([writer.mend(), writer.mend()]).catch((error: unknown) => error);
  assert.match(String(third), /two writes of metadata at once/);
  assert.equal(await first, { kind: 'committed' });
});
