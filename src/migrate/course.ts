import type { Stage, Standing, Way } from './standing.js';

/** What the operator asks for: a migration from its beginning, the rest of one, or the way back. */
export type Wish = 'start' | 'resume' | 'rollback';

/** A piece of the procedure of format.md section 8, between the source and the target of its way. */
export interface Step {
  readonly way: Way;
  readonly does: /** An identity for a plain source, then step 1: the target becomes one. */
    | 'prepare'
    /** Steps 2 to 5. */
    | 'carry'
    /** The source is active again: its target does not know that it was retired. */
    | 'reinstate'
    /** Step 5 alone. */
    | 'finish'
    /** The older of two active spares is retired. */
    | 'retire'
    /** What step 1 has written on the target is taken away. */
    | 'erase';
}

export type Course =
  | { readonly kind: 'steps'; readonly steps: readonly Step[] }
  /** It is as the operator wishes already; `active` says which of the two counts. */
  | { readonly kind: 'done'; readonly active: 'from' | 'to' }
  | { readonly kind: 'refused'; readonly because: Refusal };

export type Refusal =
  /** FROM is retired, TO is active or about to be. */
  | 'moved'
  /** FROM is the target of a way back that has not ended. */
  | 'going back'
  /** TO is retired: FROM has succeeded it. */
  | 'predecessor'
  /** TO is FROM's own incomplete target. */
  | 'begun'
  /** One of them is retired for the other, which does not know of that. */
  | 'unsettled'
  /** There is nothing to go on with. */
  | 'not begun'
  /** FROM is not active, for a reason that TO has no part in. */
  | 'elsewhere'
  | 'clone'
  | 'none active';

/** What is to be done about two spares. */
export function courseOf(standing: Standing, wish: Wish): Course {
  if (standing.kind === 'apart') {
    if (wish === 'resume') return refused('not begun');
    return wish === 'start' ? steps('there', 'prepare', 'carry') : { kind: 'done', active: 'from' };
  }
  if (standing.kind !== 'under way') return refused(standing.kind);
  const { stage, way } = standing;
  if (wish === 'rollback') return way === 'there' ? takenBack(stage) : goingOn(stage, 'back');
  if (wish === 'resume' && way === 'there') return goingOn(stage, 'there');
  if (stage === 'unsettled') return refused('unsettled');
  if (way === 'there') return refused(stage === 'copying' ? 'begun' : 'moved');
  return refused(stage === 'moved' ? 'predecessor' : 'going back');
}

/** A migration that has begun goes on to its end. */
function goingOn(stage: Stage, way: Way): Course {
  switch (stage) {
    case 'copying':
      return steps(way, 'carry');
    case 'unsettled':
      return steps(way, 'reinstate', 'carry');
    case 'switched':
      return steps(way, 'finish');
    case 'abandoned':
      return steps(way, 'retire');
    case 'moved':
      return { kind: 'done', active: way === 'there' ? 'to' : 'from' };
  }
}

/** Before step 4 its target is given up, behind it the set is moved back. */
function takenBack(stage: Stage): Course {
  const back: readonly Step[] = [
    { way: 'back', does: 'prepare' },
    { way: 'back', does: 'carry' },
  ];
  switch (stage) {
    case 'copying':
      return steps('there', 'erase');
    case 'unsettled':
      return steps('there', 'reinstate', 'erase');
    case 'switched':
      return { kind: 'steps', steps: [{ way: 'there', does: 'finish' }, ...back] };
    case 'abandoned':
      return { kind: 'steps', steps: [{ way: 'there', does: 'retire' }, ...back] };
    case 'moved':
      return { kind: 'steps', steps: back };
  }
}

function steps(way: Way, ...does: readonly Step['does'][]): Course {
  return { kind: 'steps', steps: does.map((one) => ({ way, does: one })) };
}

function refused(because: Refusal): Course {
  return { kind: 'refused', because };
}
