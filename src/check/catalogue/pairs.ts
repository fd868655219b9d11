import type { CatalogueRow } from './row.js';

/** Findings about several spares of one set (format.md section 8). */
export const PAIR_ROWS = [
  {
    id: 'pair-switch-unfinished',
    severity: 'problem',
    fix: 'unattended',
    title: 'A migration has passed its commit point but was not finished',
    says: 'The source is retired and this target holds all its data: this spare is the active one.',
    means: 'Nothing is lost. From here on the target is the spare of the set.',
    corrects: 'Makes the copies of the source whole, then makes the target the active spare.',
    next: 'dmremap check -p {pair}',
  },
  {
    id: 'pair-source-not-retired',
    severity: 'problem',
    fix: 'unattended',
    title: 'The predecessor of the active spare is not retired',
    says: 'Both spares are active; the other is newer and names this one as its predecessor.',
    means: 'Using this one by mistake would bring back old data.',
    corrects: 'Retires this spare.',
    next: 'dmremap check -p {pair}',
  },
  {
    id: 'pair-clone',
    severity: 'problem',
    fix: 'none',
    title: 'The same spare is here twice',
    says: 'Another device holds the same spare_uuid: {detail}.',
    means: 'One is a copy of the other, or both are paths to one disk. Which one counts cannot be told.',
    corrects: 'Nothing by any flag. Detach the copy before the set is used; of two paths, name one.',
    next: 'dmremap scan',
  },
  {
    id: 'pair-contradiction',
    severity: 'problem',
    fix: 'none',
    title: 'The spares of a set contradict each other',
    says: 'No spare of set {stored} can be told to be the active one: {detail}.',
    means: 'Using the wrong one would bring back old data.',
    corrects: 'Nothing by any flag.',
    next: 'dmremap scan',
  },
] as const satisfies readonly CatalogueRow[];
