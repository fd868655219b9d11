import { symlinkSync } from 'node:fs';
import type { Mode } from '../../src/check/checker.js';
import { nextStepFor, sentenceOf } from '../../src/check/sentence.js';
import { outcomeExitCode, outcomeJson, outcomeText } from '../../src/cli/render/check.js';
import { checkSpares, isFailure, modeOf } from '../../src/operations/check-many.js';
import { Scratch } from '../device/scratch.js';
import { buildImage, type ImageSpec, patch, patchSealed } from '../support/build-image.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { changed, FROM, NOW, Pair, SWITCHED, TO, TO_UUID } from './pairs.js';

/** Several spares at once: each by itself, then those of one set against each other (format.md section 8). */

const test = suite('check many');
let scratch: Scratch;
test.beforeEach(() => {
  scratch = new Scratch();
});
test.afterEach(() => scratch.cleanUp());

const TERMINAL = { color: false, unicode: true, width: 80, live: false };

const MODES: readonly Mode[] = ['read', 'preen', 'yes'];

/** The same answer in every mode, and no byte changed by it. */
async function untouched(expected: readonly string[], ...images: readonly (ImageSpec | Buffer)[]) {
  const pair = new Pair(scratch, ...images);
  for (const mode of MODES) {
    assert.equal(await pair.said(mode), expected, mode);
    assert.equal(
      pair.unchanged(),
      images.map(() => true),
      mode,
    );
  }
}

test('a switch that was not finished is found', async () => {
  const pair = new Pair(scratch, FROM, TO);
  assert.equal(await pair.said('read'), ['0: role-retired', '4: pair-switch-unfinished']);
  assert.equal(pair.unchanged(), [true, true]);
  const [, target] = await pair.check('read');
  assert.ok(target !== undefined && !isFailure(target));
  assert.equal(
    target.remaining.map(({ id }) => id),
    ['pair-switch-unfinished'],
  );
});

for (const mode of ['preen', 'yes'] as const)
  for (const order of ['source first', 'target first'])
    test(`${mode}, ${order}: the switch is finished, the source is left alone`, async () => {
      const images = order === 'source first' ? [FROM, TO] : [TO, FROM];
      const pair = new Pair(scratch, ...images);
      const codes = (await pair.check(mode)).map((outcome) => ('exitCode' in outcome ? outcome.exitCode : 8));
      const target = images.indexOf(TO);
      assert.is(codes[target], 1);
      assert.is(codes[1 - target], 0);
      assert.equal(pair.image(target), buildImage(SWITCHED));
      assert.ok(pair.unchanged()[1 - target], 'the source was written');
      const again = await pair.said('read');
      assert.equal(again.sort(), ['0: ', '0: role-retired']);
      assert.is(judge(pair.image(target)).n, 0);
    });

test('damaged copies of both are made whole first', async () => {
  const from = buildImage(FROM);
  patch(from, 'backup', 'total_remaps_created', 99);
  const to = buildImage(TO);
  to.fill(0, 0, 4096);
  const pair = new Pair(scratch, from, to);
  assert.equal(await pair.said('preen'), [
    '1: copy-damaged, role-retired',
    '1: copy-damaged, pair-switch-unfinished',
  ]);
  assert.equal(pair.image(0), buildImage(FROM));
  assert.equal(pair.image(1), buildImage(SWITCHED));
});

test('anything else that is wrong with one of them forbids it', async () => {
  const both = ['copy-claims-newer', 'role-retired'];
  const from = buildImage(FROM);
  patch(from, 'backup', 'generation', 77);
  await untouched([`4: ${both.join(', ')}`, '4: pair-switch-unfinished'], from, TO);
  const to = changed(TO, { state: 3 });
  await untouched(['0: role-retired', '4: state-error, pair-switch-unfinished'], FROM, to);
  const reserved = changed(FROM, { fields: { reserved_front: Buffer.from([1]) } });
  await untouched(['4: role-retired, reserved-not-zero', '4: pair-switch-unfinished'], reserved, TO);
});

test('a target that lacks something is no successor', async () => {
  const told = ['4: role-retired, pair-contradiction', '4: role-target, pair-contradiction'];
  await untouched(told, FROM, changed(TO, { fields: { migration_cursor: 2 } }));
  await untouched(told, FROM, changed(TO, { fields: { peer_generation: 8 } }));
  await untouched(told, changed(FROM, { generation: 9 }), TO);
});

test('a target beside its active source waits alone', async () => {
  await untouched(['0: ', '4: role-target'], changed(FROM, { role: 0 }), TO);
});

test('a source that was never retired is retired', async () => {
  const active = changed(FROM, { role: 0, state: 0, fields: { peer_uuid: Buffer.alloc(16) } });
  const newer = changed(SWITCHED, { generation: 12 });
  const pair = new Pair(scratch, active, newer);
  assert.equal(await pair.said('read'), ['4: pair-source-not-retired', '0: ']);
  assert.equal(pair.unchanged(), [true, true]);
  assert.equal(await pair.said('preen'), ['1: pair-source-not-retired', '0: ']);
  const retired = changed(FROM, {
    role: 2,
    generation: 9,
    fields: { peer_uuid: TO_UUID, peer_generation: 12, last_update_time: NOW },
  });
  assert.equal(pair.image(0), buildImage(retired));
  assert.equal(pair.unchanged(), [false, true]);
  assert.equal(await pair.said('read'), ['0: role-retired', '0: ']);
});

test('a dirty source is made clean and retired', async () => {
  const active = changed(FROM, { role: 0, state: 1 });
  const pair = new Pair(scratch, active, changed(SWITCHED, { generation: 12 }));
  assert.equal(await pair.said('preen'), ['1: state-dirty, pair-source-not-retired', '0: ']);
  assert.equal([pair.image(0).readUInt32LE(56), pair.image(0).readUInt32LE(240)], [0, 2]);
  assert.equal(await pair.said('read'), ['0: role-retired', '0: ']);
});

test('two active ones that do not name each other contradict each other', async () => {
  const one = changed(FROM, { role: 0, fields: { peer_uuid: Buffer.alloc(16) } });
  const other = changed(TO, { role: 0, fields: { peer_uuid: Buffer.alloc(16) } });
  await untouched(['4: pair-contradiction', '4: pair-contradiction'], one, other);
});

test('a clone is a problem, and nothing of either is corrected', async () => {
  const active = changed(FROM, { role: 0 });
  await untouched(['4: pair-clone', '4: pair-clone'], active, active);
  const dirty = changed(active, { state: 1 });
  const damaged = buildImage(active);
  patch(damaged, 'backup', 'total_remaps_created', 99);
  await untouched(['4: state-dirty, pair-clone', '4: copy-damaged, pair-clone'], dirty, damaged);
});

test('spares that contradict each other, and all others of their set, are left alone', async () => {
  const told = ['4: role-retired, pair-contradiction', '4: copy-stale, role-target, pair-contradiction'];
  const target = buildImage(changed(TO, { fields: { migration_cursor: 2 } }));
  patchSealed(target, 'backup', 'generation', 4);
  await untouched(told, FROM, target);
  const one = changed(FROM, { role: 0, state: 1, fields: { peer_uuid: Buffer.alloc(16) } });
  const other = changed(TO, { role: 0, fields: { peer_uuid: Buffer.alloc(16) } });
  const third = buildImage(
    changed(TO, { fields: { spare_uuid: Buffer.alloc(16, 0xab), peer_uuid: TO_UUID } }),
  );
  patchSealed(third, 'primary', 'generation', 4);
  await untouched(
    ['4: state-dirty, pair-contradiction', '4: pair-contradiction', '4: copy-stale, role-target'],
    one,
    other,
    third,
  );
});

test('other sets beside them are corrected', async () => {
  const active = changed(FROM, { role: 0 });
  const other = changed(active, { state: 1, fields: { set_uuid: Buffer.alloc(16, 1) } });
  const pair = new Pair(scratch, active, active, other);
  assert.equal(await pair.said('preen'), ['4: pair-clone', '4: pair-clone', '1: state-dirty']);
  assert.equal(pair.unchanged(), [true, true, false]);
});

test('one device under two names is no clone, and is corrected once', async () => {
  const pair = new Pair(scratch, changed(FROM, { role: 0, state: 1 }));
  const [path = ''] = pair.paths;
  const link = scratch.path('link');
  symlinkSync(path, link);
  const outcomes = await checkSpares([path, link, path], { mode: 'preen', now: BigInt(NOW) });
  assert.equal(outcomes.map(outcomeExitCode), [1, 0, 0]);
  assert.is(judge(pair.image(0)).n, 0);
});

test('a step that fails is told beside what was found, and ends nothing', async () => {
  const damaged = buildImage(changed(FROM, { role: 0, fields: { set_uuid: Buffer.alloc(16, 1) } }));
  damaged.fill(0, 0, 4096);
  const pair = new Pair(scratch, FROM, TO, damaged);
  const { openDevice } = await import('../../src/device/open.js');
  // somebody takes the source just when its target has been found in order
  const held = await openDevice(pair.paths[0] ?? '', { mode: 'exclusive' });
  const outcomes = await pair.check('preen');
  await held.close();
  assert.equal(outcomes.map(outcomeExitCode), [0, 12, 1]);
  const [, target] = outcomes;
  assert.ok(target !== undefined && !isFailure(target));
  assert.equal(
    [target.stepError?.code, target.remaining.map(({ id }) => id)],
    ['busy', ['pair-switch-unfinished']],
  );
  assert.equal(pair.unchanged(), [true, true, false]);
  const { exit_code, error } = outcomeJson(target);
  assert.is(exit_code, 12);
  assert.match(JSON.stringify(error), /"busy"/);
});

test('a refusal stays one, whatever the pair says', async () => {
  const unknown = changed(FROM, { role: 3 });
  const outcomes = await new Pair(scratch, unknown, TO).check('preen');
  assert.equal(
    outcomes.map((outcome) => ('exitCode' in outcome ? outcome.exitCode & 8 : 0)),
    [8, 0],
  );
});

test('a chain: the last switch is finished, the first pair is as it should be', async () => {
  const first = changed(FROM, {
    generation: 3,
    fields: { spare_uuid: Buffer.alloc(16, 0xaa), peer_uuid: FROM.fields?.spare_uuid ?? '' },
  });
  const pair = new Pair(scratch, first, FROM, TO);
  assert.equal(await pair.said('preen'), ['0: role-retired', '0: role-retired', '1: pair-switch-unfinished']);
  assert.equal(pair.unchanged(), [true, true, false]);
});

test('spares of other sets, plain ones and failures do not mix', async () => {
  const other = changed(FROM, { role: 0, fields: { set_uuid: Buffer.alloc(16, 1) } });
  const plain: ImageSpec = { layout: 'plain', sectors: 512, entries: [] };
  await untouched(['0: ', '0: ', '0: ', 'not-dmremap3'], other, plain, plain, Buffer.alloc(65_536));
  const pair = new Pair(scratch, other, Buffer.alloc(100), FROM);
  assert.equal(await pair.said('read'), ['0: ', 'too-small', '0: role-retired']);
});

test('the sentences of pairs are whole', async () => {
  const active = changed(FROM, { role: 0 });
  const sets = [
    [FROM, TO],
    [active, changed(SWITCHED, { generation: 12 })],
    [active, active],
    [FROM, changed(TO, { fields: { migration_cursor: 0 } })],
  ];
  const seen = new Set<string>();
  for (const images of sets)
    for (const outcome of await new Pair(scratch, ...images).check('read')) {
      assert.ok(!isFailure(outcome));
      for (const problem of outcome.found.problems.filter(({ id }) => id.startsWith('pair-'))) {
        seen.add(problem.id);
        const { line } = nextStepFor(problem, outcome.found.problems, '/dev/sdx', String);
        for (const text of [sentenceOf(problem), line]) assert.not.match(text, /[{}]|undefined/, text);
      }
    }
  assert.equal([...seen].sort(), [
    'pair-clone',
    'pair-contradiction',
    'pair-source-not-retired',
    'pair-switch-unfinished',
  ]);
});

test('what to type next can be typed', async () => {
  const pair = new Pair(scratch, FROM, TO);
  const [, target] = await pair.check('read');
  assert.ok(target !== undefined && !isFailure(target));
  const text = outcomeText(target, { terminal: TERMINAL, verbose: false });
  const [, typed = ''] = /next: (.*?)\n\S/s.exec(text) ?? [];
  const words = typed.replace(/ \\\n +/g, ' ').split(' ');
  assert.equal(words, ['dmremap', 'check', '-p', ...pair.paths]);
  for (const line of text.split('\n'))
    assert.ok(line.length <= 80 || /^\S+:?$|^ {8}\S+( \\)?$/.test(line), `more than 80 columns: ${line}`);
});

test('a block device is called by a tag in what may be typed later', async () => {
  needs('root', 'losetup', '/dev/loop-control');
  const { paths } = new Pair(scratch, FROM, TO);
  const loops = paths.map((path) => scratch.loop(path));
  const outcomes = await checkSpares(loops, { mode: 'read', now: BigInt(NOW) });
  const [, target] = outcomes;
  assert.ok(target !== undefined && !isFailure(target));
  const text = outcomeText(target, { terminal: TERMINAL, verbose: false });
  const uuid = (byte: string) =>
    `${byte.repeat(4)}-${[2, 2, 2, 6].map((count) => byte.repeat(count)).join('-')}`;
  assert.match(text, `next: dmremap check -p SPARE=${uuid('f0')}`);
  assert.match(text, `SPARE=${uuid('70')}\n`);
  assert.not.match(text, /next:.*\/dev\//);
});

test('one device is not judged against others', async () => {
  const pair = new Pair(scratch, TO);
  assert.equal(await pair.said('preen'), ['4: role-target']);
  const damaged = buildImage(TO);
  patchSealed(damaged, 'backup', 'generation', 4);
  assert.equal(await new Pair(scratch, damaged).said('preen'), ['5: copy-stale, role-target']);
});

test('the modes of the flags', () => {
  assert.is(modeOf({ preen: false, yes: false }), 'read');
  assert.is(modeOf({ preen: true, yes: false }), 'preen');
  assert.is(modeOf({ preen: false, yes: true }), 'yes');
});
