import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import { expectedCases, fixture } from '../../support/fixtures.js';
import { assert, suite } from '../../support/harness.js';
import { readImage } from './damaged-set.js';

/** The golden images without a valid copy: each has one proven candidate, with the entries of expected.json. */

const test = suite('reconstruct golden images');

const KINDS = {
  'flip-each': ['mixture', ['primary', 'backup']],
  'blocks-each': ['mixture', ['primary', 'backup']],
  'plain-flip-table': ['one-bit', ['primary']],
  'plain-count': ['count', ['primary']],
} as const;

for (const [name, [kind, fits]] of Object.entries(KINDS)) {
  test(name, () => {
    const [, expected] = expectedCases.find(([known]) => known === name) ?? [];
    const { candidates, complete } = reconstruct(readImage(fixture(name)));
    const proven = candidates.filter((candidate) => candidate.proven);
    assert.is(proven.length, 1, JSON.stringify(candidates.map(({ why }) => why)));
    assert.ok(complete);
    const [candidate] = proven;
    if (candidate === undefined) return;
    const { table } = candidate.content;
    const entries = [...table.live()].map((index) => [table.mainSector(index), table.spareSector(index)]);
    entries.sort(([a = 0], [b = 0]) => a - b);
    assert.equal(entries, expected?.truth);
    assert.is(candidate.kind, kind);
    assert.equal(candidate.fits, [...fits]);
    assert.is(candidate.keeps, entries.length);
  });
}
