import { DmremapError } from '../errors.js';
import type { AnswerQuestion } from '../operations/repair/draft.js';
import type { Operator } from '../operations/repair/operator.js';
import type { Start } from '../repair/starts.js';
import type { Choice, Prompts } from './prompts.js';
import { certaintyOf, questionText, startsText } from './render/repair.js';
import type { Terminal } from './terminal.js';

export interface WizardOptions {
  readonly prompts: Prompts;
  readonly terminal: Terminal;
  /** Writes to standard error, before a question. */
  readonly say: (text: string) => void;
}

/** Asks a person on the terminal what a repair begins with, and each of its questions. */
export function wizard({ prompts, terminal, say }: WizardOptions): Pick<Operator, 'start' | 'answer'> {
  return {
    start: async (found) => {
      const [first, second] = found.starts;
      if (first === undefined) return undefined;
      if (second === undefined && first.certainty === 'certain') return first;
      say(startsText(found, terminal));
      return taken(await prompts.choose('What should the repair begin with?', startChoices(found.starts)));
    },
    answer: answering({ prompts, terminal, say }),
  };
}

function startChoices(starts: readonly Start[]): Choice<Start | undefined>[] {
  const choices = starts.map((start) => ({
    name: `${start.id}  ${certaintyOf(start)}`,
    value: start,
    description: start.title,
  }));
  return [...choices, { name: 'none of these', value: undefined, description: 'Nothing is written.' }];
}

function taken(start: Start | undefined): Start {
  if (start === undefined) throw new DmremapError('cancelled', 'cancelled: nothing was done');
  return start;
}

function answering({ prompts, terminal, say }: WizardOptions): AnswerQuestion {
  return async (question) => {
    say(questionText(question, terminal));
    return prompts.choose(
      `What is to become of ${question.key}?`,
      question.answers.map((answer) => ({
        name: answer.recommended ? `${answer.id} (recommended)` : answer.id,
        value: answer,
        description: answer.does,
      })),
    );
  };
}
