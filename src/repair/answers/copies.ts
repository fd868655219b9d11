import { type Answer, type Asking, type AskingTable, leave, leaveAll, single } from './answer.js';

/** Copies of which something forbids to write over them unattended (format.md section 5). */

const OPEN = 'Until this is settled there is one copy only, and the set is not served for writing.';

function overwrite(facts: Pick<Answer, 'loses' | 'risk' | 'recommended'>): Answer {
  return {
    id: 'overwrite',
    does: 'Writes this copy anew from the whole one.',
    keeps: 'every entry of the whole copy',
    ...facts,
    effect: { kind: 'correct' },
  };
}

const claimsNewer: Asking = (problem) =>
  single(problem, [
    overwrite({
      loses: `what was committed after generation ${problem.expected} and stands in this copy alone`,
      risk: 'Entries of the lost commits read old data from main, if generation was not what is damaged.',
      recommended: false,
    }),
    leaveAll(OPEN),
  ]);

const claimsOtherSet: Asking = (problem) =>
  single(problem, [
    overwrite({
      loses: `what is left of ${problem.field} ${problem.stored} in this place`,
      risk: 'If that set has no other copy, this was its last trace. The undo file keeps it.',
      recommended: false,
    }),
    leaveAll(OPEN),
  ]);

const foreignSignature: Asking = (problem) =>
  single(problem, [
    overwrite({
      loses: `${problem.detail}, or what is left of it`,
      risk: 'If somebody uses it, this destroys it. The undo file keeps what is overwritten.',
      recommended: false,
    }),
    leaveAll(OPEN),
  ]);

const unreadable: Asking = (problem) =>
  single(problem, [
    overwrite({
      loses: 'what could not be read, and whatever it said',
      risk: 'If that copy was newer, its last commits are gone. Writing lets the disk put bad sectors aside.',
      recommended: true,
    }),
    leaveAll(OPEN),
  ]);

const foreign: Asking = (problem) =>
  single(problem, [
    {
      id: 'erase',
      does: 'Erases the first sector of that header; where it is the place of the backup, that is written anew.',
      keeps: 'every entry of the set that counts',
      loses: `the whole metadata that lies at byte ${problem.byte}`,
      risk: 'If that was the set you want, its remaps are gone. The undo file keeps them; so does a dump.',
      recommended: false,
      effect: { kind: 'correct' },
    },
    leaveAll(OPEN),
  ]);

const leftOver: Asking = (problem) =>
  single(problem, [
    {
      id: 'erase',
      does: 'Erases the first sector of the left-over header.',
      keeps: 'every entry of the set that counts',
      loses: `the metadata of generation ${problem.stored} from an earlier life of this device`,
      risk: '',
      recommended: true,
      effect: { kind: 'correct' },
    },
    leave('Should the primary be lost, it could be mistaken for the metadata.'),
  ]);

export const COPY_QUESTIONS: AskingTable = {
  'copy-claims-newer': claimsNewer,
  'copy-claims-other-set': claimsOtherSet,
  'copy-foreign-signature': foreignSignature,
  'copy-unreadable': unreadable,
  'copy-foreign': foreign,
  'backup-left-over': leftOver,
};
