import { MemoryDevice } from '../../../src/device/memory-device.js';
import { diagnose } from '../../../src/operations/diagnose.js';
import { draftRepair, isOpen } from '../../../src/operations/repair/draft.js';
import { findStarts } from '../../../src/operations/repair/starts.js';
import { NOW } from '../../check/check-device.js';
import { END, type ProblemCase, spare } from '../../check/problem-case.js';
import { patch, patchEntry, patchSealed, seal } from '../../support/build-image.js';
import { assert, suite } from '../../support/harness.js';
import { everyRepair } from './drafts.js';

/** What the operator leaves alone is not written over by the correction of something else. */

const test = suite('what a repair leaves alone');

/** Two things wrong: an entry, and a copy that is not to be written over. */
function two(id: ProblemCase['id'], change: (image: Buffer) => unknown): ProblemCase {
  const image = spare({ state: 1 }, (made) => {
    patchEntry(made, 'both', 1, [100, 301]);
    seal(made, 'both');
    change(made);
  });
  return { id, image, whole: ['primary'], finds: {} };
}

const CASES: readonly ProblemCase[] = [
  two('copy-claims-newer', (image) => patch(image, 'backup', 'generation', 7)),
  two('copy-claims-other-set', (image) => patch(image, 'backup', 'set_uuid', Buffer.alloc(16, 7))),
  two('copy-foreign', (image) => patchSealed(image, 'backup', 'set_uuid', Buffer.alloc(16, 7))),
  two('copy-foreign-signature', (image) => {
    image.fill(0, 0, 4096);
    image.write('XFSB');
  }),
];

for (const problem of CASES)
  test(`${problem.id}: left, with an entry that breaks a rule`, async () => {
    let left = 0;
    for (const { start, answers, image, draft } of await everyRepair(problem)) {
      if (start.certainty !== 'certain' || !answers.includes(`${problem.id}=leave`)) continue;
      left++;
      assert.ok(image.equals(problem.image), answers.join(' '));
      assert.ok(draft.remaining.some(({ id }) => id === problem.id));
    }
    assert.ok(left > 0, 'nobody was asked');
  });

test('what else lies at the front is asked about before a dump is written there', async () => {
  const whole = spare({});
  const image = spare({}, (made) => {
    made.fill(0, 0, 8192).write('XFSB');
    patch(made, 'backup', 'checksum', 7);
  });
  const device = new MemoryDevice(new Uint8Array(image));
  const { survey } = await diagnose(device);
  const dump = {
    label: 'the dump',
    block: new Uint8Array(whole.subarray(0, 4096)),
    table: new Uint8Array(whole.subarray(4096, 4096 + 48)),
  };
  const { starts } = await findStarts(device, survey, { witnesses: [], dump, told: undefined });
  const start = starts.find(({ id }) => id.startsWith('dump-'));
  assert.ok(start !== undefined);
  const draft = await draftRepair(device, survey, start, async () => undefined, {
    main: undefined,
    now: NOW,
  });
  assert.is(isOpen(draft) ? draft.question.problem.id : undefined, 'copy-foreign-signature');
});

test('of equal entries one is kept, and none is dropped', async () => {
  const image = spare({}, (made) => {
    patchEntry(made, 'both', 1, [100, 300]);
    seal(made, 'both');
  });
  const ways = await everyRepair({ id: 'main-duplicate', image, whole: ['primary'], finds: {} });
  const kept = ways.find(({ answers }) => answers.includes('main-duplicate@100=keep-300'));
  assert.equal([kept?.draft.dropped.count, kept?.draft.result.table.count], [0, 2]);
});

test('of very many entries that share a sector none is offered to be kept', async () => {
  const entries = Array.from({ length: 20_000 }, (_, index) => [7, 1000 + index] as const);
  const image = spare({ layout: 'plain', sectors: 30_000, entries, maxEntries: 20_000 });
  const ways = await everyRepair({ id: 'main-duplicate', image, whole: ['primary'], finds: {} });
  assert.equal(ways.map(({ answers }) => answers.join()).sort(), [
    'main-duplicate@7=drop',
    'main-duplicate@7=leave',
  ]);
});

test('a retired spare keeps its state and its entries', async () => {
  const image = spare({ state: 1, role: 2, fields: { peer_uuid: Buffer.alloc(16, 7) } }, (made) => {
    patchEntry(made, 'both', 1, [100, 301]);
    seal(made, 'both');
    made.fill(0, END);
  });
  const ways = await everyRepair({ id: 'role-retired', image, whole: ['primary'], finds: {} });
  assert.ok(ways.length > 0);
  for (const { draft } of ways) {
    assert.equal(
      draft.phases.map(({ purpose }) => purpose),
      ['rewrite the backup copy'],
    );
    assert.equal([draft.result.header.state, draft.result.table.count], [1, 3]);
  }
});
