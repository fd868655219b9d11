import { ROLE } from '../format/header.js';
import { isPastCommit, isUnsettled, judgeSet, type Member } from './pairs.js';

/** Two spares between which a set is moved, as the operator has named them. */
export interface Pair {
  readonly from: Member;
  /** Undefined where the device holds nothing of FROM's set. */
  readonly to: Member | undefined;
}

/** Which way a migration goes: as the operator has named the spares, or back again. */
export type Way = 'there' | 'back';

/** How far a migration between two spares has come (format.md section 8), told of its own source and target. */
export type Stage =
  /** The source is active, the target incomplete: steps 1 to 3. */
  | 'copying'
  /** The source is retired, the target complete: step 5 is missing. */
  | 'switched'
  /** The source is retired and has all data, the target does not know of that: none is active. */
  | 'unsettled'
  /** The target is active, the source retired. */
  | 'moved'
  /** Both are active, and the target is the newer one: the source was abandoned. */
  | 'abandoned';

export type Standing =
  /** FROM is active and TO holds nothing of its set. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'under way'; readonly stage: Stage; readonly way: Way }
  /** FROM is not active, and TO has nothing to do with it. */
  | { readonly kind: 'elsewhere' }
  /** Two devices of one spare_uuid. */
  | { readonly kind: 'clone' }
  /** None of them is active. */
  | { readonly kind: 'none active' };

/** What two spares are to each other. */
export function standingOf({ from, to }: Pair): Standing {
  if (to === undefined) return { kind: from.role === ROLE.active ? 'apart' : 'elsewhere' };
  if (to.spare_uuid === from.spare_uuid) return { kind: 'clone' };
  const there = stageOf(from, to);
  if (there !== undefined) return { kind: 'under way', stage: there, way: 'there' };
  const back = stageOf(to, from);
  if (back !== undefined) return { kind: 'under way', stage: back, way: 'back' };
  const { active } = judgeSet([from, to]);
  return { kind: active === undefined ? 'none active' : 'elsewhere' };
}

/** How far the migration from the one to the other is; undefined where these are not its two spares. */
function stageOf(source: Member, target: Member): Stage | undefined {
  if (target.role === ROLE.target && target.peer_uuid === source.spare_uuid) {
    if (source.role === ROLE.active) return 'copying';
    if (isUnsettled(source, target)) return 'unsettled';
    return isPastCommit(source, target) ? 'switched' : undefined;
  }
  if (target.role !== ROLE.active) return undefined;
  if (source.role === ROLE.retired && source.peer_uuid === target.spare_uuid) return 'moved';
  const { active, findings } = judgeSet([source, target]);
  return active === target && findings.some(({ kind }) => kind === 'source-not-retired')
    ? 'abandoned'
    : undefined;
}

/** Which of the two counts (the table of format.md section 8). */
export function activeOf(standing: Standing): 'from' | 'to' | undefined {
  if (standing.kind === 'apart') return 'from';
  if (standing.kind !== 'under way' || standing.stage === 'unsettled') return undefined;
  const isSource = standing.stage === 'copying';
  return isSource === (standing.way === 'there') ? 'from' : 'to';
}
