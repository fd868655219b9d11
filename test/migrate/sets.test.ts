import fc from 'fast-check';
import { judgeSet, type Member } from '../../src/migrate/pairs.js';
import { assert, suite } from '../support/harness.js';
import { member, said } from './members.js';

/** What holds of every set of spares, however odd. */

const test = suite('sets of spares');
const RUNS = { seed: 20_231_010, numRuns: 20_000 };

const NAMES = ['a', 'b', 'c', 'd'] as const;

const members = fc
  .array(
    fc.record({
      name: fc.constantFrom(...NAMES),
      role: fc.constantFrom(0, 0, 1, 2, 2),
      peer: fc.constantFrom(...NAMES, 'absent', ''),
      generation: fc.constantFrom(1, 2, 3, 4, 0x7000_0000, 0xe000_0000),
      peer_generation: fc.constantFrom(1, 2, 3),
      migration_cursor: fc.constantFrom(2n, 3n, 3n),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((facts) =>
    facts.map(({ name, ...rest }, index) => ({ ...member(name, rest), name: `/dev/${index}` })),
  );

test('at most one spare is active, and never beside a contradiction', () => {
  const property = fc.property(members, (set) => {
    const { active, findings } = judgeSet(set);
    const unfinished = findings.find(({ kind }) => kind === 'switch-unfinished');
    const told = JSON.stringify(set.map((one) => ({ ...one, migration_cursor: 0 })));
    if (active !== undefined) {
      const isTarget = unfinished !== undefined && 'target' in unfinished && unfinished.target === active;
      assert.ok(active.role === 0 || isTarget, told);
      assert.ok(set.includes(active));
      assert.not(
        findings.some(({ kind }) => kind === 'clone' || kind === 'contradiction'),
        told,
      );
    } else
      assert.not(
        findings.some(({ kind }) => kind === 'source-not-retired'),
        told,
      );
  });
  fc.assert(property, RUNS);
});

test('the order in which the devices were named makes no difference', () => {
  const property = fc.property(members, fc.integer(), (set, turn) => {
    const cut = Math.abs(turn) % set.length;
    const turned = [...set.slice(cut), ...set.slice(0, cut)];
    assert.is(said(judgeSet(turned)), said(judgeSet(set)));
    assert.is(said(judgeSet(turned.reverse())), said(judgeSet(set)));
  });
  fc.assert(property, RUNS);
});

/** Follows the successors of a retired spare; true if they end at somebody who is not here. */
function leadsAway(set: readonly Member[], start: Member): boolean {
  let one: Member | undefined = start;
  for (let steps = 0; one !== undefined && one.role === 2 && steps <= set.length; steps++) {
    const next: string = one.peer_uuid;
    one = set.find(({ spare_uuid }) => spare_uuid === next);
  }
  return one === undefined;
}

test('where none can be told to be active, that is said, unless the active one is elsewhere', () => {
  const property = fc.property(members, (set) => {
    const { active, findings } = judgeSet(set);
    if (active !== undefined || findings.length > 0 || set.length === 1) return;
    assert.ok(
      set.every((one) => one.role === 2 && leadsAway(set, one)),
      JSON.stringify(
        set.map(({ spare_uuid, role, peer_uuid, generation }) => [spare_uuid, role, peer_uuid, generation]),
      ),
    );
  });
  fc.assert(property, RUNS);
});

test('a successor that a retired spare names and that is not here is named', () => {
  const property = fc.property(members, (set) => {
    const expected = set
      .filter(({ role, peer_uuid }) => role === 2 && !set.some(({ spare_uuid }) => spare_uuid === peer_uuid))
      .map(({ peer_uuid }) => peer_uuid);
    assert.equal([...judgeSet(set).absentSuccessors].sort(), expected.sort());
  });
  fc.assert(property, RUNS);
});
