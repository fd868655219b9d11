import { generationAfter, judgeSet, type Member } from '../../src/migrate/pairs.js';
import { assert, suite } from '../support/harness.js';
import { member, said } from './members.js';

/** Which spare of a set is active: the table of format.md section 8, row by row. */

const test = suite('pairs');

const judged = (...members: readonly Member[]) => said(judgeSet(members));

/** FROM retired for TO at generation 8, and TO with all that FROM had then. */
const from = (facts: Partial<Member> = {}) =>
  member('from', { role: 2, peer: 'to', generation: 8, ...facts });
const to = (facts: Partial<Member> = {}) =>
  member('to', { role: 1, peer: 'from', generation: 5, peer_generation: 7, migration_cursor: 3n, ...facts });

test('a role 0 alone, or beside a role-1 peer: that one', () => {
  assert.is(judged(member('x')), 'x');
  assert.is(judged(member('x'), member('y', { role: 1, peer: 'x' })), 'x');
  assert.is(
    judged(member('y', { role: 1, peer: 'x', migration_cursor: 3n }), member('x', { peer: 'y' })),
    'x',
  );
  assert.is(judged(member('x', { generation: 1 }), member('y', { role: 1, generation: 9 })), 'x');
});

test('retired and naming each other, everything copied, one commit on: the target, whose switch is finished', () => {
  assert.is(judged(from(), to()), 'to; switch-unfinished from→to');
  assert.is(judged(to(), from()), 'to; switch-unfinished from→to');
  assert.is(
    judged(from({ generation: 1 }), to({ peer_generation: 0xffff_ffff })),
    'to; switch-unfinished from→to',
  );
  assert.is(judged(from(), to({ entry_count: 0, migration_cursor: 0n })), 'to; switch-unfinished from→to');
});

test('every condition of it counts', () => {
  const contradiction = 'none; contradiction from,to';
  assert.is(judged(from(), to({ migration_cursor: 2n })), contradiction);
  assert.is(judged(from(), to({ migration_cursor: 4n })), contradiction);
  assert.is(judged(from(), to({ peer_generation: 8 })), contradiction);
  assert.is(judged(from(), to({ peer_generation: 6 })), contradiction);
  assert.is(judged(from({ generation: 0 }), to({ peer_generation: 0xffff_ffff })), contradiction);
  assert.is(judged(from({ peer_uuid: 'other' }), to()), `${contradiction}; absent other`);
  assert.is(judged(from(), to({ peer_uuid: 'other' })), contradiction);
});

test('retired, and its successor with role 0: the successor', () => {
  assert.is(judged(from(), to({ role: 0 })), 'to');
  assert.is(judged(to({ role: 0, generation: 99, peer_uuid: 'whatever' }), from()), 'to');
});

test('both role 0: the newer one, if it names the other as its predecessor', () => {
  const old = member('old', { generation: 4 });
  const fresh = (facts: Partial<Member> & { peer?: string }) => member('new', { generation: 5, ...facts });
  assert.is(judged(old, fresh({ peer: 'old' })), 'new; source-not-retired old→new');
  assert.is(judged(fresh({ peer: 'old' }), old), 'new; source-not-retired old→new');
  assert.is(judged(old, fresh({})), 'none; contradiction new,old');
  assert.is(judged(member('old', { generation: 4, peer: 'new' }), fresh({})), 'none; contradiction new,old');
  assert.is(judged(old, fresh({ peer: 'old', generation: 4 })), 'none; contradiction new,old');
  assert.is(judged(old, fresh({ peer: 'old', generation: 3 })), 'none; contradiction new,old');
  const last = member('old', { generation: 0xffff_ffff });
  assert.is(judged(last, fresh({ peer: 'old', generation: 1 })), 'new; source-not-retired old→new');
});

test('a target alone, two targets, two retired ones, a clone: none', () => {
  assert.is(judged(to()), 'none');
  assert.is(
    judged(member('a', { role: 1, peer: 'b' }), member('b', { role: 1, peer: 'a' })),
    'none; contradiction a,b',
  );
  assert.is(
    judged(member('a', { role: 2, peer: 'b' }), member('b', { role: 2, peer: 'a' })),
    'none; contradiction a,b',
  );
  const clone = { ...member('x'), name: '/dev/other' };
  assert.is(judged(member('x'), clone), 'none; clone x,x');
  assert.is(
    judged(member('x', { role: 2, peer: 'y' }), { ...clone, role: 2, peer_uuid: 'y' }, member('y')),
    'none; clone x,x',
  );
  // of two spares that were cloned each is named with its own clone
  assert.is(
    judged(member('x'), clone, member('y'), { ...member('y'), name: '/dev/another' }),
    'none; clone x,x; clone y,y',
  );
});

test('a retired one alone: its successor, which is not here', () => {
  assert.is(judged(member('x', { role: 2, peer: 'y' })), 'none; absent y');
});

test('a chain, judged pair by pair', () => {
  const a = member('a', { role: 2, peer: 'b', generation: 3 });
  const b = member('b', { role: 2, peer: 'c', generation: 8 });
  const c = member('c', { peer: 'b', generation: 11 });
  assert.is(judged(a, b, c), 'c');
  assert.is(judged(c, b, a), 'c');
  assert.is(judged(a, c), 'c; absent b');
  assert.is(judged(b, c), 'c');
  assert.is(judged(a, b), 'none; absent c');
  assert.is(judged(a), 'none; absent b');
});

test('a chain whose last switch was not finished', () => {
  const a = member('a', { role: 2, peer: 'b', generation: 3 });
  const b = member('b', { role: 2, peer: 'c', generation: 8 });
  const c = member('c', { role: 1, peer: 'b', peer_generation: 7, migration_cursor: 3n });
  assert.is(judged(a, b, c), 'c; switch-unfinished b→c');
  assert.is(judged(a, member('b', { peer: 'a', generation: 7 }), c), 'b');
  assert.is(judged(a, c), 'none; contradiction a,c; absent b');
});

test('a chain of which two were never retired', () => {
  const a = member('a', { generation: 3 });
  const b = member('b', { peer: 'a', generation: 5 });
  const c = member('c', { peer: 'b', generation: 9 });
  assert.is(judged(a, b, c), 'c; source-not-retired a→b; source-not-retired b→c');
  const other = member('c', { peer: 'a', generation: 9 });
  assert.is(judged(a, b, other), 'none; contradiction b,c');
});

test('an unfinished switch beside somebody else who is active', () => {
  assert.is(judged(from(), to(), member('x')), 'none; contradiction to,x');
});

/** Every pair over small sets of values, against the rows written as conditions. */
interface Row {
  readonly fits: (x: Member, y: Member) => boolean;
  readonly says: (x: Member, y: Member) => string;
}

const names = (x: Member, y: Member) => x.peer_uuid === y.spare_uuid;
const newer = (x: Member, y: Member) => x.generation > y.generation;

const ROWS: readonly Row[] = [
  { fits: (x, y) => x.role === 0 && y.role === 1, says: (x) => x.spare_uuid },
  {
    fits: (x, y) =>
      x.role === 2 &&
      y.role === 1 &&
      names(x, y) &&
      names(y, x) &&
      y.migration_cursor === BigInt(y.entry_count) &&
      x.generation === y.peer_generation + 1,
    says: (x, y) => `${y.spare_uuid}; switch-unfinished ${x.spare_uuid}→${y.spare_uuid}`,
  },
  { fits: (x, y) => x.role === 2 && y.role === 0 && names(x, y), says: (_, y) => y.spare_uuid },
  {
    fits: (x, y) => x.role === 0 && y.role === 0 && newer(y, x) && names(y, x),
    says: (x, y) => `${y.spare_uuid}; source-not-retired ${x.spare_uuid}→${y.spare_uuid}`,
  },
];

function* spares(name: string, peer: string): Generator<Member> {
  for (const role of [0, 1, 2])
    for (const named of [peer, 'absent'])
      for (const generation of [2, 3])
        for (const peer_generation of [1, 2])
          for (const migration_cursor of [0n, 3n])
            yield member(name, { role, peer: named, generation, peer_generation, migration_cursor });
}

test('every pair of a small world is judged by a row, or has no active spare', () => {
  const met = new Map<string, number>();
  for (const a of spares('a', 'b'))
    for (const b of spares('b', 'a')) {
      // a spare retired for somebody else says nothing of this pair
      if ([a, b].some((one) => one.role === 2 && one.peer_uuid === 'absent')) continue;
      const row = ROWS.find(({ fits }) => fits(a, b)) ?? ROWS.find(({ fits }) => fits(b, a));
      const told = judged(a, b);
      const expected =
        row === undefined ? undefined : ROWS[0] && row.fits(a, b) ? row.says(a, b) : row.says(b, a);
      if (expected === undefined)
        assert.is(told, 'none; contradiction a,b', JSON.stringify([a.role, b.role]));
      else assert.is(told, expected);
      const kind = told.replace(/\b[ab]\b/g, 'x');
      met.set(kind, (met.get(kind) ?? 0) + 1);
    }
  assert.is(met.size, 4, JSON.stringify([...met]));
});

test('a generation newer than both', () => {
  assert.equal(
    [
      [1, 2],
      [2, 1],
      [5, 5],
      [0xffff_ffff, 3],
      [0xffff_ffff, 0xffff_fffe],
      [0, 7],
    ].map(([one = 0, other = 0]) => generationAfter(one, other)),
    [3, 3, 6, 4, 1, 8],
  );
});
