import type { Mode } from '../../check/checker.js';
import { ENTRY_SIZE } from '../../format/entry.js';
import { BLOCK_SIZE } from '../../units.js';
import { remap, unremap, unremapAll } from './by-hand.js';
import {
  check,
  convert,
  create,
  flipBits,
  reorder,
  resize,
  restore,
  savedByModule,
  undo,
  wipe,
} from './changes.js';
import { appendMany, appendOne, changeState, edit, removeAndReuse, removeSome } from './commits.js';
import type { Condition, Layout } from './made-sets.js';
import { begun, migrate, moved } from './moves.js';
import { contradict, duplicate, repair } from './repairs.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** An operation that changes metadata. Whatever does so has a row here. */
export interface Row {
  readonly name: string;
  readonly work: Work;
  /** Done to the spare before, outside of what is explored. */
  readonly before?: (stage: Stage) => Promise<void>;
  /** The data of remaps goes to other sectors of the spare on the way: where it lies is not asked. */
  readonly relocates?: true;
  /** Between main and spare: main is a medium of its own, and the remapped device shows the same all the while. */
  readonly movesData?: true;
  /** To another spare: both and main are media, and the one of them that counts shows the same all the while. */
  readonly movesSet?: true;
  /** A power cut may leave a plain set with the same remaps, which is neither what was nor what will be. */
  readonly throughPlain?: true;
  /** What is done where a check leaves something to the operator. */
  readonly decide?: Work;
  /** What recovers it from a power cut: `check -p` unless told. */
  readonly recoveredBy?: Mode;
  /** The conditions from which it can begin; all unless told. */
  readonly from?: (condition: Condition, layout: Layout) => boolean;
}

const hasSomethingToCorrect = ({ name, layouts }: Condition, layout: Layout) =>
  name !== 'clean' && layouts.includes(layout);

/** What befell it before is gone with the conversion that comes before. */
const isClean = ({ name }: Condition) => name === 'clean';

const isNotGrown = ({ grown }: Condition) => grown === undefined;

/** Two conversions, one after the other. */
function throughModule(layout: 'redundant' | 'plain'): (stage: Stage) => Promise<void> {
  return async (stage) => {
    await convert('module')(stage);
    await convert(layout)(stage);
  };
}

async function unremappedAndUndone(stage: Stage): Promise<void> {
  await unremap()(stage);
  await undo()(stage);
}

/** One block more in each table. */
const resizeUp = resize(({ header }) => header.max_entries + BLOCK_SIZE / ENTRY_SIZE);
const resizeDown = resize(({ table }) => table.count);

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
  },
  {
    name: 'correction',
    work: check(),
    from: (condition, layout) => hasSomethingToCorrect(condition, layout) && condition.grown === undefined,
  },
  {
    name: 'correction of what is proven',
    work: check('yes'),
    before: flipBits,
    recoveredBy: 'yes',
    // of two generations in two damaged copies neither is proven
    from: ({ name }) => !name.startsWith('stale'),
  },
  {
    name: 'move of the backup',
    work: check(),
    from: ({ grown }, layout) => grown !== undefined && layout === 'redundant',
  },
  {
    name: 'convert to redundant',
    work: convert('redundant'),
    relocates: true,
    from: (_, layout) => layout === 'plain',
  },
  {
    name: 'convert to plain',
    work: convert('plain'),
    relocates: true,
    from: (_, layout) => layout === 'redundant',
  },
  {
    name: 'convert to module',
    work: convert('module'),
    relocates: true,
    from: ({ name }) => ['clean', 'stale primary', 'grown'].includes(name),
  },
  {
    name: 'convert from module to redundant',
    work: convert('redundant'),
    before: convert('module'),
    relocates: true,
    from: isClean,
  },
  {
    name: 'convert from module to plain',
    work: convert('plain'),
    before: convert('module'),
    from: isClean,
  },
  {
    name: 'convert of what the module saved',
    work: convert('redundant'),
    before: savedByModule,
    decide: convert('redundant'),
    relocates: true,
    throughPlain: true,
    from: isClean,
  },
  { name: 'resize up', work: resizeUp, relocates: true },
  { name: 'resize down', work: resizeDown, relocates: true },
  { name: 'create redundant', work: create('redundant') },
  { name: 'create plain', work: create('plain') },
  { name: 'create module', work: create('module'), from: isClean },
  { name: 'wipe', work: wipe() },
  {
    name: 'repair of a duplicate',
    before: duplicate,
    work: repair(),
    decide: repair(),
    from: ({ name }) => name === 'clean' || name === 'dirty',
  },
  {
    name: 'repair of copies that differ',
    before: contradict,
    work: repair(),
    decide: repair(),
    from: ({ name }, layout) => (name === 'clean' || name === 'dirty') && layout === 'redundant',
  },
  // where free sectors take no data, others are tried
  { name: 'remap', work: remap(), movesData: true, relocates: true },
  { name: 'unremap', work: unremap(), movesData: true },
  { name: 'unremap all', work: unremapAll(), movesData: true },
  { name: 'undo of unremap', work: undo(), before: unremap(), movesData: true },
  { name: 'undo of unremap all', work: undo(), before: unremapAll(), movesData: true },
  { name: 'undo of the undo of unremap', work: undo(), before: unremappedAndUndone, movesData: true },
  { name: 'undo of remap', work: undo(), before: remap(), movesData: true },
  { name: 'undo of restore', work: undo(), before: reorder },
  {
    name: 'undo of convert to redundant',
    work: undo(),
    before: convert('redundant'),
    relocates: true,
    from: (_, layout) => layout === 'plain',
  },
  {
    name: 'undo of convert to plain',
    work: undo(),
    before: convert('plain'),
    relocates: true,
    from: (_, layout) => layout === 'redundant',
  },
  {
    name: 'undo of convert to module',
    work: undo(),
    before: convert('module'),
    relocates: true,
    from: isClean,
  },
  {
    name: 'undo of convert from module',
    work: undo(),
    before: throughModule('redundant'),
    relocates: true,
    from: isClean,
  },
  { name: 'undo of resize up', work: undo(), before: resizeUp, relocates: true },
  { name: 'undo of resize down', work: undo(), before: resizeDown, relocates: true },
  { name: 'undo of create redundant', work: undo(), before: create('redundant') },
  { name: 'undo of create module', work: undo(), before: create('module'), from: isClean },
  { name: 'undo of create plain', work: undo(), before: create('plain') },
  { name: 'undo of wipe', work: undo(), before: wipe() },
  { name: 'migrate', work: migrate(), movesSet: true, decide: migrate('resume'), from: isNotGrown },
  {
    name: 'migrate, taken back after a power cut',
    work: migrate(),
    movesSet: true,
    decide: migrate('rollback'),
    from: isClean,
  },
  {
    name: 'resume of migrate',
    work: migrate('resume'),
    before: begun,
    movesSet: true,
    decide: migrate('resume'),
    from: isClean,
  },
  {
    name: 'rollback of a migrate that has not ended',
    work: migrate('rollback'),
    before: begun,
    movesSet: true,
    decide: migrate('rollback'),
    from: isClean,
  },
  {
    name: 'rollback of a migrate that has ended',
    work: migrate('rollback'),
    before: moved,
    movesSet: true,
    relocates: true,
    decide: migrate('rollback'),
    from: (condition, layout) => isClean(condition) && layout === 'redundant',
  },
];
