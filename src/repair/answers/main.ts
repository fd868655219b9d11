import { entriesWith } from '../../check/rules/entries.js';
import type { Survey } from '../../check/survey.js';
import { withFields } from '../edits.js';
import { type Asking, type AskingTable, leave, single } from './answer.js';

/** A main that is not the one that the metadata records. */

const WRONG_ONE = 'Probably the wrong main was named: name the right one with --main.';

const identity: Asking = (problem, { main }) =>
  main === undefined
    ? []
    : single(problem, [
        {
          id: 'record',
          does: `Records ${main.id === '' ? 'that main has no identity' : main.id} as the identity of main.`,
          keeps: 'every entry',
          loses: 'the identity that is recorded now',
          risk: 'Right only if this is a copy of that main: else its data is read wrongly from now on.',
          recommended: false,
          effect: { kind: 'edit', edit: withFields({ main_id: main.id }) },
        },
        leave(WRONG_ONE),
      ]);

const size: Asking = (problem, { main, survey }) => {
  if (main === undefined) return [];
  const answers = holdsAllEntries(survey, main.size)
    ? [
        {
          id: 'record',
          does: `Records ${main.size} sectors as the size of main.`,
          keeps: 'every entry',
          loses: 'the size that is recorded now',
          risk: 'Right only if main itself has changed its size, or this is a copy of it.',
          recommended: false,
          effect: { kind: 'edit', edit: withFields({ main_device_size: BigInt(main.size) }) },
        } as const,
      ]
    : [];
  return single(problem, [...answers, leave(WRONG_ONE)]);
};

function holdsAllEntries(survey: Survey, mainSize: number): boolean {
  const { chosen } = survey.choice;
  if (chosen === undefined) return false;
  const header = { ...chosen.header, main_device_size: BigInt(mainSize) };
  const after = { ...survey, choice: { ...survey.choice, chosen: { ...chosen, header } } };
  return entriesWith(after, 'main-out-of-range').length === 0;
}

export const MAIN_QUESTIONS: AskingTable = {
  'main-identity-differs': identity,
  'main-size-differs': size,
};
