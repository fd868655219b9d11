import type { ProblemId } from '../../check/catalogue/index.js';
import type { Problem } from '../../check/finding.js';
import type { AskingTable, Circumstances, Question } from './answer.js';
import { COPY_QUESTIONS } from './copies.js';
import { ENTRY_QUESTIONS } from './entries.js';
import { HEADER_QUESTIONS } from './header.js';
import { MAIN_QUESTIONS } from './main.js';

/** Every problem about which the operator is asked, whatever class its correction has in the catalogue. */
export const QUESTIONS: AskingTable = {
  ...COPY_QUESTIONS,
  ...HEADER_QUESTIONS,
  ...ENTRY_QUESTIONS,
  ...MAIN_QUESTIONS,
};

/**
 * What is to be asked about these problems, in the order in which they are told; whether a smaller device can be
 * adopted follows from the entries that are left, so that comes last. An answer may settle another question: they
 * are asked for again after each.
 */
export function questionsOf(problems: readonly Problem[], circumstances: Circumstances): Question[] {
  const last = problems.filter(({ id }) => id === 'device-shrunk');
  const first = problems.filter((problem) => !last.includes(problem));
  return [...first, ...last].flatMap((problem) => QUESTIONS[problem.id]?.(problem, circumstances) ?? []);
}

/** Problems that an answer of this repair, or none at all, decides: the others wait for something else. */
export function isAskedAbout(id: ProblemId): boolean {
  return QUESTIONS[id] !== undefined;
}
