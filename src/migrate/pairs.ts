import { generationDistance, isNewer, nextGeneration } from '../format/generation.js';
import { ROLE } from '../format/header.js';

/** What section 8 of format.md needs to know of one spare of a set. */
export interface Member {
  /** Of the device, for messages. */
  readonly name: string;
  readonly spare_uuid: string;
  readonly peer_uuid: string;
  readonly role: number;
  readonly generation: number;
  readonly peer_generation: number;
  readonly migration_cursor: bigint;
  readonly entry_count: number;
}

export type PairFinding =
  /** Past the commit point: `target` is active and `source` only needs its copies whole. */
  | { readonly kind: 'switch-unfinished'; readonly source: Member; readonly target: Member }
  /** Both active; the newer one names the older as its peer. */
  | { readonly kind: 'source-not-retired'; readonly source: Member; readonly target: Member }
  | { readonly kind: 'clone'; readonly members: readonly Member[] }
  | {
      readonly kind: 'contradiction';
      readonly members: readonly Member[];
      readonly detail: string;
      /** Two of them, where the one has all data and is retired for the other, which does not know of that. */
      readonly unsettled?: { readonly source: Member; readonly target: Member };
    };

export interface SetJudgement {
  /** The one spare that counts; undefined where there is none here, or none can be told. */
  readonly active: Member | undefined;
  readonly findings: readonly PairFinding[];
  /** spare_uuids that a retired spare names as its successor and that are not here. */
  readonly absentSuccessors: readonly string[];
}

/** Which spare of one set is active: the table of format.md section 8, each pair judged by it. */
export function judgeSet(members: readonly Member[]): SetJudgement {
  const absentSuccessors = members
    .filter(({ role }) => role === ROLE.retired)
    .map(({ peer_uuid }) => peer_uuid)
    .filter((uuid) => !members.some(({ spare_uuid }) => spare_uuid === uuid));
  const clones = clonesAmong(members);
  if (clones.length > 0) return { active: undefined, findings: clones, absentSuccessors };
  return { ...judgeDistinct(members), absentSuccessors };
}

/** Of each spare that is here more than once, all that claim to be it. */
function clonesAmong(members: readonly Member[]): PairFinding[] {
  const spares = [...new Set(members.map(({ spare_uuid }) => spare_uuid))];
  return spares
    .map((uuid) => members.filter(({ spare_uuid }) => spare_uuid === uuid))
    .filter((same) => same.length > 1)
    .map((same) => ({ kind: 'clone', members: same }));
}

function judgeDistinct(members: readonly Member[]): Pick<SetJudgement, 'active' | 'findings'> {
  const findings: PairFinding[] = [];
  const candidates = new Set(members.filter(({ role }) => role === ROLE.active));
  for (const target of members) {
    const source = members.find(({ spare_uuid }) => spare_uuid === target.peer_uuid);
    if (source === undefined) continue;
    if (isPastCommit(source, target)) {
      candidates.add(target);
      findings.push({ kind: 'switch-unfinished', source, target });
    } else if (succeeds(source, target)) {
      candidates.delete(source);
      findings.push({ kind: 'source-not-retired', source, target });
    }
  }
  const [active, second] = candidates;
  if (active !== undefined && second === undefined) return { active, findings };
  if (second !== undefined) {
    const names = [...candidates].map(({ name }) => name).join(', ');
    const detail = `${names} are active and none names another as its predecessor`;
    return { active: undefined, findings: [{ kind: 'contradiction', members: [...candidates], detail }] };
  }
  return { active: undefined, findings: members.length > 1 ? withoutActive(members) : [] };
}

function withoutActive(members: readonly Member[]): PairFinding[] {
  // retired spares whose successor is elsewhere are no contradiction
  if (members.every((one) => one.role === ROLE.retired && leadsAway(one, members))) return [];
  for (const source of members) {
    const target = members.find((one) => isUnsettled(source, one));
    if (target === undefined) continue;
    const detail = `${source.name} is retired for ${target.name}, which does not know of that`;
    return [{ kind: 'contradiction', members, detail, unsettled: { source, target } }];
  }
  const detail = members.some(({ role }) => role === ROLE.target)
    ? 'a target is here without an active source'
    : 'each is retired for another, or names one as its predecessor';
  return [{ kind: 'contradiction', members, detail }];
}

/** The successors of a retired spare end at one that is not here; those that name each other never do. */
function leadsAway(start: Member, members: readonly Member[]): boolean {
  let one: Member | undefined = start;
  for (let steps = 0; one !== undefined && steps < members.length; steps++) {
    const successor: string = one.peer_uuid;
    one = members.find(({ spare_uuid }) => spare_uuid === successor);
  }
  return one === undefined;
}

/** FROM is retired for TO, and TO holds all that FROM had at that commit. */
export function isPastCommit(source: Member, target: Member): boolean {
  return (
    isRetiredFor(source, target) &&
    target.migration_cursor === BigInt(target.entry_count) &&
    source.generation === nextGeneration(target.peer_generation)
  );
}

/**
 * FROM is retired for TO, its own target, which does not know of that retirement: none is active. TO was not in
 * use yet, so FROM has all data.
 */
export function isUnsettled(source: Member, target: Member): boolean {
  return (
    isRetiredFor(source, target) && target.peer_uuid === source.spare_uuid && !isPastCommit(source, target)
  );
}

function isRetiredFor(source: Member, target: Member): boolean {
  return (
    source.role === ROLE.retired && target.role === ROLE.target && source.peer_uuid === target.spare_uuid
  );
}

function succeeds(source: Member, target: Member): boolean {
  return (
    source.role === ROLE.active &&
    target.role === ROLE.active &&
    isNewer(target.generation, source.generation)
  );
}

/** A generation newer than both. */
export function generationAfter(one: number, other: number): number {
  return nextGeneration(generationDistance(one, other) > 0 ? other : one);
}
