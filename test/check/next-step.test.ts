import { withRow } from '../../src/check/checker.js';
import type { Finding } from '../../src/check/finding.js';
import { type NextStep, nextStepFor } from '../../src/check/sentence.js';
import { assert, suite } from '../support/harness.js';

/** A correction is all or nothing, so what else is found decides what to type. */

const test = suite('what to type next');

const STALE: Finding = { id: 'copy-stale', copy: 'backup', stored: 6, expected: 7, detail: '' };

/** For the first of these findings. */
function next(...findings: Finding[]): NextStep {
  const problems = findings.map(withRow);
  const [problem] = problems;
  if (problem === undefined) throw new Error('no finding');
  return nextStepFor(problem, problems, 'SPARE=x', String);
}

test('what corrects it, where nothing is in the way', () => {
  assert.equal(next(STALE), { line: 'dmremap check -p SPARE=x' });
  assert.equal(next(STALE, { id: 'held', detail: 'held' }), { line: 'dmremap check -p SPARE=x' });
  assert.equal(next(STALE, { id: 'state-dirty', stored: 1 }), { line: 'dmremap check -p SPARE=x' });
  assert.equal(next(STALE, { id: 'role-target', stored: 'x' }), { line: 'dmremap check -p SPARE=x' });
});

test('what corrects all of it', () => {
  const reserved: Finding = { id: 'reserved-not-zero', count: 1, byte: 72 };
  assert.equal(next(STALE, reserved), { line: 'dmremap check -y SPARE=x' });
  assert.equal(next(reserved, STALE), { line: 'dmremap check -y SPARE=x' });
});

test('what waits for the operator comes first', () => {
  const duplicate: Finding = { id: 'main-duplicate', count: 2 };
  const step = { line: 'dmremap check -p SPARE=x', after: 'main-duplicate' };
  assert.equal(next(STALE, duplicate), step);
  assert.equal(next(STALE, { id: 'slot-empty-plain', count: 1 }, duplicate), step);
  assert.is(next(duplicate, STALE).after, undefined);
});

test('where this spare is not the one to be corrected', () => {
  assert.equal(next({ id: 'state-dirty', stored: 1 }, { id: 'role-retired', stored: 'x' }), {
    line: 'dmremap scan',
  });
  assert.equal(next(STALE, { id: 'ro-compat-unknown', stored: 2 }), { line: 'dmremap info SPARE=x' });
});
