import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE, findRow } from '../../src/check/catalogue/index.js';
import type { Mode } from '../../src/check/checker.js';
import type { Problem } from '../../src/check/finding.js';
import { nextStepFor, sentenceOf } from '../../src/check/sentence.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { explain } from '../../src/operations/explain.js';
import { assert, suite } from '../support/harness.js';
import { PROJECT } from '../support/project.js';
import { judge } from '../support/reader.js';
import { checkDevice, idsOf, tryDiagnose } from './check-device.js';
import { COPY_CASES } from './copy-problems.js';
import { ENTRY_CASES } from './entry-problems.js';
import { HEADER_CASES } from './header-problems.js';
import { MODULE_CASES } from './module-problems.js';
import { type ProblemCase, wholeCopies } from './problem-case.js';

/** Every problem id has a spare that shows it, is told with its place and values, and is corrected as it says. */

const test = suite('catalogue');

const CASES = [...COPY_CASES, ...HEADER_CASES, ...ENTRY_CASES, ...MODULE_CASES];

function deviceOf({ image, around }: ProblemCase) {
  const memory = new MemoryDevice(new Uint8Array(image));
  return { memory, device: around === undefined ? memory : around(memory) };
}

async function problemsOf(one: ProblemCase): Promise<readonly Problem[]> {
  const found = await tryDiagnose(deviceOf(one).device, one.options);
  if (found instanceof DmremapError) throw found;
  return found.problems;
}

for (const [index, one] of CASES.entries()) {
  const title = `${one.id}, case ${index}`;

  test(`${title}: is found with its facts, and nothing else is`, async () => {
    assert.equal(wholeCopies(one.image), one.whole, 'the case is not what it says');
    const problems = await problemsOf(one);
    assert.equal(idsOf(problems).sort(), [one.id, ...(one.companions ?? [])].sort());
    const problem = problems.find(({ id }) => id === one.id);
    const { id, row, detail, ...facts } = problem ?? { id: undefined, row: undefined };
    assert.is(row, findRow(one.id));
    assert.equal(facts, one.finds);
    if (one.detail instanceof RegExp) assert.match(detail ?? '', one.detail);
    else assert.is(detail, one.detail);
  });

  test(`${title}: its sentences are whole`, async () => {
    const problems = await problemsOf(one);
    for (const problem of problems) {
      const { line } = nextStepFor(problem, problems, '/dev/sdx', String);
      for (const text of [sentenceOf(problem), line]) {
        assert.not.match(text, /[{}]|undefined|NaN|\[object/, text);
        assert.match(text, /^\S.*\S$/);
      }
      assert.match(sentenceOf(problem), /\.$/);
    }
  });

  test(`${title}: is corrected as its row says, and then gone`, async () => {
    const ids = [one.id, ...(one.companions ?? [])];
    for (const mode of ['read', 'preen', 'yes'] as const) {
      const { memory, device } = deviceOf(one);
      const { exitCode } = await checkDevice(device, mode, one.options);
      const after = Buffer.from(memory.content);
      if (!isCorrectedIn(mode, ids)) {
        assert.not(exitCode & 1, `${mode}: exit ${exitCode}`);
        assert.ok(after.equals(one.image), `${mode} wrote`);
        continue;
      }
      const left = ids.filter((id) => !correctableIn(mode, id));
      const second = await checkDevice(device, 'read', one.options);
      assert.equal(idsOf(second.problems), left, mode);
      assert.is(exitCode, 1 | second.exitCode, mode);
      assert.is(judge(after).n, second.exitCode, judge(after).why.join(', '));
      assert.equal(judge(after).truth, judge(one.image).truth ?? judge(after).truth, 'the remaps are others');
    }
  });
}

function correctableIn(mode: Mode, id: string): boolean {
  const fix = findRow(id)?.fix;
  return mode !== 'read' && (fix === 'unattended' || (fix === 'proven' && mode === 'yes'));
}

/** All or nothing; a note is in nobody's way, nor is a migration that waits, but a feature from the future is. */
function isCorrectedIn(mode: Mode, ids: readonly string[]): boolean {
  if (ids.includes('ro-compat-unknown')) return false;
  const real = ids.filter((id) => findRow(id)?.severity !== 'note' && id !== 'role-target');
  return real.length > 0 && real.every((id) => correctableIn(mode, id));
}

const frozen = JSON.parse(readFileSync(join(PROJECT, 'test', 'check', 'ids.json'), 'utf8')) as string[];

test('ids are never renamed or dropped: scripts match on them', () => {
  assert.equal(CATALOGUE.map(({ id }) => id).sort(), [...frozen].sort());
  assert.ok(frozen.every((id) => /^[a-z]+(-[a-z]+)*$/.test(id)));
});

/** What takes more than one device, an undo file or a search, is shown elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'pair-switch-unfinished': 'check-many.test.ts',
  'pair-source-not-retired': 'check-many.test.ts',
  'pair-clone': 'check-many.test.ts',
  'pair-contradiction': 'check-many.test.ts',
  'change-cut-short': 'cut-short.test.ts',
  'no-valid-copy-proven': 'proven.test.ts',
};

test('every id has a case', () => {
  const shown = new Set<string>(CASES.map(({ id }) => id));
  for (const id of frozen.filter((one) => !shown.has(one))) {
    const file = ELSEWHERE[id];
    assert.ok(file, `${id} is shown nowhere`);
    const source = readFileSync(join(PROJECT, 'test', 'operations', file ?? ''), 'utf8');
    assert.ok(source.includes(`'${id}'`), `${file} does not show ${id}`);
  }
});

test('every row has all its texts, and explain knows it', () => {
  for (const row of CATALOGUE) {
    for (const text of [row.title, row.says, row.means, row.corrects, row.next])
      assert.match(text, /^\S.*\S$/, row.id);
    for (const text of [row.says, row.means, row.corrects]) assert.match(text, /\.$/, row.id);
    assert.not.match(row.title, /[{}.]/, row.id);
    assert.not.match(row.means + row.corrects, /[{}]/, row.id);
    assert.match(row.next, /^dmremap |^fsck/, row.id);
    assert.ok(row.title.length <= 76, `${row.id}: ${row.title.length} characters`);
    assert.equal(explain(row.id), { kind: 'problem', row });
  }
  assert.is(new Set(CATALOGUE.map(({ title }) => title)).size, CATALOGUE.length, 'two rows have one title');
});

test('what nobody may correct offers no check -p or -y, and what is corrected does', () => {
  for (const { id, fix, next } of CATALOGUE) {
    if (fix === 'guess' || fix === 'none') assert.not.match(next, /check -[py]/, id);
    if (fix === 'proven') assert.match(next, /check -y/, id);
  }
});

test('explain lists all of them, and knows no others', () => {
  const listed = explain(undefined);
  assert.equal(listed.kind === 'problems' ? listed.rows : [], CATALOGUE);
  assert.is(explain('format').kind, 'format');
  assert.throws(() => explain('copy-damage'), /no problem called copy-damage/);
});
