import fc from 'fast-check';
import { courseOf, type Step, type Wish } from '../../src/migrate/course.js';
import type { Member } from '../../src/migrate/pairs.js';
import { activeOf, standingOf } from '../../src/migrate/standing.js';
import { assert, suite } from '../support/harness.js';
import { member } from './members.js';

/** What two spares are to each other by the table of format.md section 8, and what is done about them. */

const test = suite('course of a migration');

const A = member('a', { generation: 7 });
const TARGET = member('b', { role: 1, peer: 'a', peer_generation: 7, generation: 3 });
const COPIED: Member = { ...TARGET, migration_cursor: 3n };
const RETIRED = member('a', { role: 2, peer: 'b', generation: 8 });
const ACTIVE = member('b', { role: 0, peer: 'a', generation: 9 });

interface Case {
  readonly what: string;
  readonly from: Member;
  readonly to: Member | undefined;
  readonly active: 'from' | 'to' | undefined;
  /** What is done for start, resume and rollback. */
  readonly does: readonly [start: string, resume: string, rollback: string];
}

const BACK = 'back prepare, back carry';

const CASES: readonly Case[] = [
  {
    what: 'TO holds nothing of the set',
    from: A,
    to: undefined,
    active: 'from',
    does: ['there prepare, there carry', 'not begun', 'done: from'],
  },
  { what: 'copying', from: A, to: TARGET, active: 'from', does: ['begun', 'there carry', 'there erase'] },
  {
    what: 'all is copied',
    from: A,
    to: COPIED,
    active: 'from',
    does: ['begun', 'there carry', 'there erase'],
  },
  {
    what: 'FROM is retired',
    from: RETIRED,
    to: COPIED,
    active: 'to',
    does: ['moved', 'there finish', `there finish, ${BACK}`],
  },
  { what: 'TO is active', from: RETIRED, to: ACTIVE, active: 'to', does: ['moved', 'done: to', BACK] },
  {
    what: 'FROM was abandoned',
    from: A,
    to: ACTIVE,
    active: 'to',
    does: ['moved', 'there retire', `there retire, ${BACK}`],
  },
  { what: 'going back', from: COPIED, to: A, active: 'to', does: ['going back', 'going back', 'back carry'] },
  {
    what: 'going back, TO is retired',
    from: COPIED,
    to: RETIRED,
    active: 'from',
    does: ['going back', 'going back', 'back finish'],
  },
  {
    what: 'gone back',
    from: ACTIVE,
    to: RETIRED,
    active: 'from',
    does: ['predecessor', 'predecessor', 'done: from'],
  },
  {
    what: 'gone back, TO was abandoned',
    from: ACTIVE,
    to: A,
    active: 'from',
    does: ['going back', 'going back', 'back retire'],
  },
  {
    what: 'FROM is retired, but TO lacks something',
    from: RETIRED,
    to: TARGET,
    active: undefined,
    does: ['unsettled', 'there reinstate, there carry', 'there reinstate, there erase'],
  },
  {
    what: 'FROM is retired in another generation',
    from: { ...RETIRED, generation: 9 },
    to: COPIED,
    active: undefined,
    does: ['unsettled', 'there reinstate, there carry', 'there reinstate, there erase'],
  },
  {
    what: 'going back, TO is retired in another generation',
    from: COPIED,
    to: { ...RETIRED, generation: 9 },
    active: undefined,
    does: ['unsettled', 'unsettled', 'back reinstate, back carry'],
  },
  {
    what: 'FROM is retired for TO, which is the target of a third spare',
    from: RETIRED,
    to: { ...COPIED, peer_uuid: 'c' },
    active: undefined,
    does: ['none active', 'none active', 'none active'],
  },
  {
    what: 'both are active and do not know each other',
    from: A,
    to: member('b', { generation: 9 }),
    active: undefined,
    does: ['none active', 'none active', 'none active'],
  },
  {
    what: 'both are retired',
    from: RETIRED,
    to: member('b', { role: 2, peer: 'a' }),
    active: undefined,
    does: ['none active', 'none active', 'none active'],
  },
  {
    what: 'a clone',
    from: A,
    to: { ...A, name: '/dev/c' },
    active: undefined,
    does: ['clone', 'clone', 'clone'],
  },
  {
    what: 'TO is the target of a third spare',
    from: A,
    to: { ...TARGET, peer_uuid: 'c' },
    active: undefined,
    does: ['elsewhere', 'elsewhere', 'elsewhere'],
  },
  {
    what: 'FROM alone is retired',
    from: RETIRED,
    to: undefined,
    active: undefined,
    does: ['elsewhere', 'elsewhere', 'elsewhere'],
  },
  {
    what: 'FROM alone is a target',
    from: TARGET,
    to: undefined,
    active: undefined,
    does: ['elsewhere', 'elsewhere', 'elsewhere'],
  },
];

const WISHES: readonly Wish[] = ['start', 'resume', 'rollback'];

for (const { what, from, to, active, does } of CASES)
  test(what, () => {
    const standing = standingOf({ from, to });
    assert.is(activeOf(standing), active);
    assert.equal(
      WISHES.map((wish) => said(courseOf(standing, wish))),
      does,
    );
  });

function said(course: ReturnType<typeof courseOf>): string {
  if (course.kind === 'refused') return course.because;
  if (course.kind === 'done') return `done: ${course.active}`;
  return course.steps.map(({ way, does }) => `${way} ${does}`).join(', ');
}

/** Two spares and what the steps make of them, by the text of section 8. */
class Model {
  from: Member = member('a', { generation: 7 });
  to: Member | undefined;

  /** Does a step, or a part of it: `stops` commits before its end. */
  do({ way, does }: Step, stops: number): void {
    const [source, target] = way === 'there' ? [this.from, this.to] : [this.to, this.from];
    const put = (which: 'source' | 'target', value: Member | undefined) => {
      if ((which === 'source') === (way === 'there')) this.from = value ?? this.from;
      else this.to = value;
    };
    if (source === undefined) throw new Error('no source');
    const { spare_uuid, generation } = source;
    const commits: (() => void)[] = [];
    const made: Member = {
      ...(target ?? member('b', { generation: 0 })),
      role: 1,
      peer_uuid: spare_uuid,
      migration_cursor: 0n,
      entry_count: 3,
      generation: (target?.generation ?? 0) + 1,
    };
    const complete: Member = {
      ...(does === 'carry' && target !== undefined ? target : made),
      migration_cursor: 3n,
      peer_generation: generation,
      generation: (target ?? made).generation + 1,
    };
    const retired: Member = {
      ...source,
      role: 2,
      peer_uuid: (target ?? made).spare_uuid,
      generation: generation + 1,
    };
    const active: Member = {
      ...(does === 'carry' ? complete : (target ?? made)),
      role: 0,
      generation: Math.max(generation + 1, (target ?? made).generation + 1) + 1,
    };
    if (does === 'prepare') commits.push(() => put('target', made));
    if (does === 'carry')
      commits.push(
        () => put('target', complete),
        () => put('source', retired),
        () => put('target', active),
      );
    if (does === 'finish') commits.push(() => put('target', active));
    if (does === 'retire') commits.push(() => put('source', retired));
    if (does === 'erase') commits.push(() => put('target', undefined));
    for (const commit of commits.slice(0, Math.max(0, commits.length - stops))) commit();
  }

  wish(wish: Wish, stopsBefore: number): string {
    const course = courseOf(standingOf(this), wish);
    if (course.kind !== 'steps') return course.kind;
    for (const [index, step] of course.steps.entries()) {
      if (index === stopsBefore) return 'stopped';
      this.do(step, 0);
    }
    return 'ended';
  }
}

test('whatever is begun and cut short, one spare is active, and both ways lead to an end', () => {
  const attempt = fc.record({
    wish: fc.constantFrom(...WISHES),
    step: fc.nat(3),
    stops: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 12 }), fc.boolean(), (attempts, forward) => {
      const model = new Model();
      for (const { wish, step, stops } of attempts) {
        const course = courseOf(standingOf(model), wish);
        if (course.kind !== 'steps') continue;
        for (const [index, one] of course.steps.slice(0, step + 1).entries()) {
          model.do(one, index === step ? stops : 0);
          assert.ok(activeOf(standingOf(model)) !== undefined, 'one is active');
        }
      }
      const ends = forward ? resumed(model) : model.wish('rollback', 9);
      assert.ok(['ended', 'done'].includes(ends), ends);
      assert.is(activeOf(standingOf(model)), forward ? 'to' : 'from');
    }),
    { numRuns: 2000 },
  );
});

/** As an operator ends a migration: one that was not begun is begun, one that goes back is taken back. */
function resumed(model: Model): string {
  const standing = standingOf(model);
  if (standing.kind === 'apart') return model.wish('start', 9);
  if (standing.kind === 'under way' && standing.way === 'there') return model.wish('resume', 9);
  // the same from the other side: dmremap migrate TO FROM --rollback
  const { from, to } = model;
  const course = courseOf(standingOf({ from: to ?? from, to: from }), 'rollback');
  if (course.kind === 'done') return 'done';
  if (course.kind !== 'steps') return course.kind;
  for (const { way, does } of course.steps) {
    if (does === 'erase') {
      // only the second of them can be erased in this model: here FROM gives up being a target
      model.from = { ...model.from, role: 2, peer_uuid: to?.spare_uuid ?? '' };
    } else model.do({ way: way === 'there' ? 'back' : 'there', does }, 0);
  }
  return 'ended';
}
