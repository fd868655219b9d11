import type { ProblemId } from '../../../src/check/catalogue/index.js';
import type { RemapTable } from '../../../src/format/entry.js';
import { diagnose } from '../../../src/operations/diagnose.js';
import { QUESTIONS } from '../../../src/repair/answers/questions.js';
import { COPY_CASES } from '../../check/copy-problems.js';
import { ENTRY_CASES } from '../../check/entry-problems.js';
import { HEADER_CASES } from '../../check/header-problems.js';
import { MODULE_CASES } from '../../check/module-problems.js';
import type { ProblemCase } from '../../check/problem-case.js';
import { assert, suite } from '../../support/harness.js';
import { judge } from '../../support/reader.js';
import { everyRepair, type Tried } from './drafts.js';

/** Every start with every answer, for every problem of the catalogue that a device can show. */

const test = suite('what a repair would do');

const CASES = [...COPY_CASES, ...HEADER_CASES, ...ENTRY_CASES, ...MODULE_CASES];
/** Nothing is written where a newer program wrote. */
const REFUSED: readonly ProblemId[] = [
  'version-unknown',
  'incompat-unknown',
  'role-unknown',
  'ro-compat-unknown',
];

/** A device so small that no set like this one has room on it. */
const NO_ROOM = 'The metadata does not fit it';

for (const [number, problem] of CASES.entries()) {
  if (REFUSED.includes(problem.id) || isHopeless(problem)) continue;
  test(`${number} ${problem.id}`, async () => {
    const ways = await everyRepair(problem);
    assert.ok(ways.length > 0, 'nothing can be chosen');
    for (const way of ways) {
      const told = `${way.start.id} ${way.answers.join(' ')}`;
      const { problems } = await diagnose(way.device, { main: problem.options?.main });
      const left = problems.filter(({ row }) => row.severity === 'problem').map(({ id }) => id);
      const foretold = way.draft.remaining.map(({ id }) => id);
      assert.equal(left, foretold, `${told}: the draft foretells what a check finds`);
      // who reads the image alone knows neither main nor bad sectors
      const inImage = problem.options?.main === undefined && problem.around === undefined;
      if (inImage) assert.is(judge(way.image).n === 0, left.length === 0, `${told}: the independent reader`);
      keepsEntries(way, told);
    }
    const hopeless = QUESTIONS[problem.id] === undefined || problem.detail === NO_ROOM;
    assert.ok(hopeless || ways.some(isSettled), 'no way leads to a clean set');
  });
}

test('where the kernel module left no table, or no size of main, nothing is offered', async () => {
  for (const one of MODULE_CASES.filter(isHopeless)) assert.equal(await everyRepair(one), [], one.id);
});

/** Nothing can be given back, or not without main. */
function isHopeless({ id, options }: ProblemCase): boolean {
  return id === 'module-table-missing' || options?.module === true;
}

function isSettled({ draft }: Tried): boolean {
  return draft.remaining.length === 0;
}

/** Every entry of the start is in the result or among those that are named as dropped; none is invented. */
function keepsEntries({ start, draft: { result, dropped } }: Tried, told: string): void {
  const [before, after, lost] = [start.content.table, result.table, dropped].map(pairsOf);
  for (const pair of before ?? []) assert.ok(after?.has(pair) || lost?.has(pair), `${told}: ${pair} is gone`);
  for (const pair of after ?? []) assert.ok(before?.has(pair), `${told}: ${pair} is invented`);
  for (const pair of lost ?? []) assert.not.ok(after?.has(pair), `${told}: ${pair} is dropped and kept`);
}

function pairsOf(table: RemapTable): Set<string> {
  return new Set(
    Array.from(table.live(), (slot) => `${table.exactMainSector(slot)} at ${table.exactSpareSector(slot)}`),
  );
}
