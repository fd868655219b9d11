import { DmremapError } from '../../errors.js';
import type { Answer, Question } from '../../repair/answers/answer.js';
import type { Start } from '../../repair/starts.js';
import type { Diagnosis } from '../diagnose.js';
import type { AnswerQuestion, Draft } from './draft.js';
import type { FoundStarts } from './starts.js';

/** Who decides in a repair. Whatever these throw ends it with nothing written. */
export interface Operator {
  /** What to begin with; undefined: that is left undecided, and nothing is done. */
  readonly start: (found: FoundStarts, diagnosis: Diagnosis) => Promise<Start | undefined>;
  /** Undefined as for start. */
  readonly answer: AnswerQuestion;
  /** Sees what would become of the device, before the writes are shown. */
  readonly consider: (draft: Draft, diagnosis: Diagnosis) => void;
}

/** What was decided on the command line. */
export interface Decided {
  /** --candidate */
  readonly candidate: string | undefined;
  /** --accept-guess */
  readonly acceptGuess: boolean;
  /** --answer, by what stands before the equals sign. */
  readonly answers: ReadonlyMap<string, string>;
}

/**
 * Decides as the flags say, and asks somebody else about the rest. The operator that it gives throws DmremapError
 * `usage` where a flag names a candidate or an answer that there is not.
 *
 * @param warn told of answers to what nobody asks: a line that is typed again after a power cut may find some of
 * its work done
 */
export function decidedBefore(decided: Decided, otherwise: Operator, warn: (text: string) => void): Operator {
  const used = new Set<string>();
  return {
    start: async (found, diagnosis) => {
      const named = startNamed(found.starts, decided.candidate);
      const taken = named !== undefined && (named.certainty !== 'guess' || decided.acceptGuess);
      if (taken) return named;
      return otherwise.start(named === undefined ? found : { ...found, starts: [named] }, diagnosis);
    },
    answer: async (question) => {
      const key = [question.key, question.problem.id].find((one) => decided.answers.has(one));
      if (key === undefined) return otherwise.answer(question);
      used.add(key);
      return namedAnswer(question, decided.answers.get(key));
    },
    consider: (draft, diagnosis) => {
      for (const key of decided.answers.keys())
        if (!used.has(key)) warn(`nothing asks about ${key} on this device`);
      otherwise.consider(draft, diagnosis);
    },
  };
}

function startNamed(starts: readonly Start[], id: string | undefined): Start | undefined {
  if (id === undefined) return undefined;
  // half written, a content is found in another way than before, under the same checksum
  const start =
    starts.find((one) => one.id === id) ?? starts.find((one) => one.id.slice(-8) === id.slice(-8));
  if (start !== undefined) return start;
  const known = starts.map((one) => one.id);
  throw new DmremapError('usage', `there is no candidate ${id} on this device`, {
    hint: known.length === 0 ? 'nothing was found to begin with' : `there is: ${known.join(', ')}`,
  });
}

function namedAnswer({ key, answers }: Question, id: string | undefined): Answer {
  const answer = answers.find((one) => one.id === id);
  if (answer !== undefined) return answer;
  const known = answers.map((one) => one.id);
  throw new DmremapError('usage', `${id} is no answer to ${key}`, {
    hint: `the answers are: ${known.join(', ')}`,
  });
}

/**
 * Decides without a person: the content that is proven or the one that counts, and of the answers those that
 * `check -y` would give. A guess is left undecided (cli.md, repair --yes).
 */
export const CAUTIOUS: Pick<Operator, 'start' | 'answer'> = {
  start: async ({ starts }) => {
    const proven = starts.find(({ certainty }) => certainty === 'proven');
    return proven ?? starts.find(({ certainty }) => certainty === 'certain');
  },
  answer: async ({ problem, answers }) =>
    problem.row.fix === 'proven' ? answers.find(({ recommended }) => recommended) : undefined,
};
