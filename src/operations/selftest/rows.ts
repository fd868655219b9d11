import { check, create, reorder, restore, undo, wipe } from './changes.js';
import { appendMany, appendOne, changeState, edit, removeAndReuse, removeSome } from './commits.js';
import type { Condition, Layout } from './made-sets.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** An operation that changes metadata. Whatever does so has a row here. */
export interface Row {
  readonly name: string;
  readonly work: Work;
  /** Done to the spare before, outside of what is explored. */
  readonly before?: (stage: Stage) => Promise<void>;
  /** The conditions from which it can begin; all unless told. */
  readonly from?: (condition: Condition, layout: Layout) => boolean;
}

/** It begins with copies that can be written: its own failure is then told, and nothing promised. */
const writable = ({ unwritable }: Condition) => unwritable === undefined;

const hasSomethingToCorrect = ({ name, layouts }: Condition, layout: Layout) =>
  name !== 'clean' && layouts.includes(layout);

export const ROWS: readonly Row[] = [
  { name: 'append one', work: appendOne() },
  { name: 'append many', work: appendMany() },
  { name: 'remove', work: removeSome() },
  { name: 'remove and reuse', work: removeAndReuse() },
  { name: 'edit', work: edit() },
  { name: 'state change', work: changeState() },
  {
    name: 'restore',
    work: restore(),
    from: writable,
  },
  {
    name: 'correction',
    work: check(),
    from: (condition, layout) =>
      writable(condition) && hasSomethingToCorrect(condition, layout) && condition.grown === undefined,
  },
  {
    name: 'move of the backup',
    work: check(),
    from: ({ grown }, layout) => grown !== undefined && layout === 'redundant',
  },
  {
    name: 'undo',
    work: undo(),
    before: reorder,
    // of a move of the backup, undo goes through its states in reverse order, and one of them waits
    from: (condition, layout) =>
      writable(condition) && !(condition.grown !== undefined && layout === 'redundant'),
  },
  { name: 'create redundant', work: create('redundant'), from: writable },
  { name: 'create plain', work: create('plain'), from: writable },
  { name: 'wipe', work: wipe(), from: writable },
];
