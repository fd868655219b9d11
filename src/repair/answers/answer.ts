import type { ProblemId } from '../../check/catalogue/index.js';
import type { Problem } from '../../check/finding.js';
import type { MainFacts, Survey } from '../../check/survey.js';
import type { Edit } from '../edits.js';
import type { Samples } from './samples.js';

/**
 * What becomes of the problem. edit: the content is changed. correct: the copies are, as the catalogue says of
 * this problem. leave: nothing, and it remains. stop: nothing is written for any other problem either.
 */
export type Effect =
  | { readonly kind: 'edit'; readonly edit: Edit }
  | { readonly kind: 'correct' }
  | { readonly kind: 'leave' | 'stop' };

/** One way to deal with a problem, with what speaks for it and against it. */
export interface Answer {
  /** As it is typed behind `--answer PROBLEM=`. */
  readonly id: string;
  /** What it does, in one sentence. */
  readonly does: string;
  readonly keeps: string;
  /** What is gone afterwards; empty where nothing is. */
  readonly loses: string;
  /** What is wrong afterwards if the answer was wrong; empty where nothing can be. */
  readonly risk: string;
  readonly recommended: boolean;
  readonly effect: Effect;
}

/** What the operator is asked about one problem, or about one place of it. */
export interface Question {
  /** As it is typed before the equals sign: the problem's id and, where there are several places, `@PLACE`. */
  readonly key: string;
  readonly problem: Problem;
  /** Beyond the problem's own sentence: the place, and what is known of it. */
  readonly facts: readonly string[];
  readonly answers: readonly Answer[];
}

/** What is known when an answer is to be found. */
export interface Circumstances {
  /** With what was answered before already in it. */
  readonly survey: Survey;
  readonly main: MainFacts | undefined;
  /** Data of the sectors in question, where --main was given. */
  readonly samples: Samples | undefined;
}

/** The questions about one problem; none where nobody could answer it. */
export type Asking = (problem: Problem, circumstances: Circumstances) => readonly Question[];

export type AskingTable = Partial<Record<ProblemId, Asking>>;

/** It is always an answer to change nothing. */
export function leave(risk: string): Answer {
  return {
    id: 'leave',
    does: 'Changes nothing here.',
    keeps: 'everything as it lies',
    loses: '',
    risk,
    recommended: false,
    effect: { kind: 'leave' },
  };
}

/** The same where every commit would write over what is left: a commit writes all copies. */
export function leaveAll(risk: string): Answer {
  return {
    ...leave(risk),
    does: 'Changes nothing here, and nothing else: every change of the set is written to both copies.',
    effect: { kind: 'stop' },
  };
}

/** The question about a problem that has one place. */
export function single(
  problem: Problem,
  answers: readonly Answer[],
  facts: readonly string[] = [],
): readonly Question[] {
  return [{ key: problem.id, problem, facts, answers }];
}
