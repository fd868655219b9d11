import { expectedCases, fixture, fixtureNames, MAIN_SECTORS } from './support/fixtures.js';
import { assert, suite } from './support/harness.js';
import { judge } from './support/reader.js';

/** The reader of the tests agrees with the golden images, which a third party made. */

const test = suite('golden reader');

/** Only section 6 can mend these, which the reader leaves out: a person has to decide. */
const NEEDS_RECONSTRUCTION = new Set(['flip-each', 'blocks-each', 'plain-flip-table', 'plain-count']);

for (const [name, expected] of expectedCases) {
  test(name, () => {
    const image = fixture(name);
    const before = Buffer.from(image);
    const verdict = judge(image, { mainSectors: MAIN_SECTORS });
    const reconstructs = NEEDS_RECONSTRUCTION.has(name);
    const told = verdict.why.join(', ');
    assert.equal(
      { n: verdict.n, p: verdict.p, y: verdict.y },
      { n: expected.n, p: expected.p, y: reconstructs ? 4 : expected.y },
      told,
    );
    if (!reconstructs && !expected.keep) assert.equal(verdict.truth, expected.truth, told);
    assert.equal(image, before, 'the reader changed the image');
  });
}

test('every golden image has an expectation', () => {
  const own = fixtureNames().filter((name) => !name.startsWith('module/'));
  assert.equal(own, expectedCases.map(([name]) => name).sort());
});

test('an image of the kernel module waits or is in order, whatever is asked', () => {
  for (const name of fixtureNames()) {
    if (!name.startsWith('module/') || !name.endsWith('.spare')) continue;
    const { n, p, y, dumpable } = judge(fixture(name));
    // Without a magic nothing of sections 1 to 5 is left to be seen.
    const code = name.includes('nomagic') ? 8 : name.includes('accepted') ? 0 : 4;
    const read = name.includes('accepted') || name.includes('gap-before');
    assert.equal([n, p, y, dumpable], [code, code, code, read], name);
  }
});
