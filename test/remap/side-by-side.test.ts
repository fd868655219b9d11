import fc from 'fast-check';
import type { Run } from '../../src/remap/route.js';
import { gather, scatter, sideBySide } from '../../src/remap/side-by-side.js';
import { bytes } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';

/** What a request has on the spare, in as few pieces as there can be. */

const test = suite('side by side');
const RUNS = { seed: 20_261_126, numRuns: 500 };

/** On which device, at which sector, how many sectors. */
type Part = readonly [on: Run['on'], at: number, count: number];

function runsOf(parts: readonly Part[]): Run[] {
  let from = 0;
  return parts.map(([on, at, count]) => {
    const run: Run = { on, at: bytes(at * 512), from, length: count * 512 };
    from += run.length;
    return run;
  });
}

test('what lies one behind the other on the spare is one group, whatever lies between', () => {
  const runs = runsOf([
    ['spare', 50, 1],
    ['main', 1, 3],
    ['spare', 51, 2],
    ['main', 6, 1],
    ['spare', 60, 1],
    ['spare', 53, 1],
  ]);
  assert.equal(
    sideBySide(runs).map(({ at, length, runs: own }) => [at / 512, length / 512, own.length]),
    [
      [50, 3, 2],
      [60, 1, 1],
      [53, 1, 1],
    ],
  );
  assert.is(sideBySide(runs, 0).length, 4, 'none together');
  assert.is(sideBySide(runs, 1024).length, 4, 'no more than 1024 bytes together');
  assert.equal(sideBySide(runsOf([['main', 5, 9]])), []);
});

test('every byte goes to its place and comes back, and groups that could be one are', () => {
  const part = fc.tuple(fc.constantFrom('main', 'spare'), fc.integer({ min: 0, max: 6 }), fc.nat(2));
  const parts = fc.array(
    part.map(([on, at, more]): Part => [on as Run['on'], at, more + 1]),
    { maxLength: 12 },
  );
  const property = fc.property(parts, fc.integer({ min: 512, max: 4096 }), (list, most) => {
    const runs = runsOf(list);
    const groups = sideBySide(runs, most);
    assert.equal(
      groups.flatMap((group) => group.runs),
      runs.filter(({ on }) => on === 'spare'),
    );
    const length = runs.reduce((sum, run) => sum + run.length, 0);
    const request = Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 9)) & 255);
    const back = new Uint8Array(length);
    groups.forEach((group, index) => {
      const piece = new Uint8Array(group.length);
      gather(group, request, piece);
      let at: number = group.at;
      for (const run of group.runs) {
        assert.is(run.at, at);
        const placed = piece.subarray(at - group.at, at - group.at + run.length);
        assert.equal(placed, request.subarray(run.from, run.from + run.length));
        at += run.length;
      }
      assert.is(at, group.at + group.length);
      assert.ok(group.runs.length === 1 || group.length <= most);
      const next = groups[index + 1];
      const fits = next !== undefined && group.length + (next.runs[0]?.length ?? 0) <= most;
      assert.not(fits && next.at === at, 'two groups could be one');
      scatter(group, piece, back);
    });
    for (const { on, from, length: own } of runs)
      for (const byte of [0, own - 1])
        assert.is(back[from + byte], on === 'spare' ? request[from + byte] : 0);
  });
  fc.assert(property, RUNS);
});
