import type { CatalogueRow } from './row.js';

/** Findings about a spare of the dm-remap v3 kernel module, in the module's own layout (format.md section 7). */
export const MODULE_ROWS = [
  {
    id: 'module-accepted',
    severity: 'note',
    fix: 'none',
    title: 'This spare is in the layout of the dm-remap v3 kernel module',
    says: 'The dm-remap v3 kernel module reads this spare: {detail}.',
    means:
      'The first time that the module saves its metadata it writes a checksum that it does not accept itself, ' +
      'and afterwards it cannot read this spare any more.',
    corrects:
      'dmremap convert --layout redundant makes a set of it that this program serves and looks after.',
    next: 'dmremap convert --layout redundant {device}',
  },
  {
    id: 'module-image',
    severity: 'problem',
    fix: 'guess',
    title: 'The dm-remap v3 kernel module wrote this spare and cannot read it back',
    says: 'The dm-remap v3 kernel module wrote this spare: {detail}.',
    means:
      'The module sums its metadata before it changes it once more, so it does not accept what it wrote itself: ' +
      'after its next start it begins without a remap. The data of the remaps still lies on the spare.',
    corrects:
      'Nothing of it is written by check. dmremap repair makes a plain set of what is known and asks about the ' +
      'rest; dmremap convert makes a redundant set of it or one that the module reads.',
    next: 'dmremap repair {device}',
  },
  {
    id: 'module-state',
    severity: 'problem',
    fix: 'guess',
    title: 'The kernel module was not shut down cleanly and does not read this spare',
    says: 'The checksum is right, but state is {stored}; the module reads state {expected} alone.',
    means: 'Nothing is lost: the checksum vouches for every entry.',
    corrects: 'dmremap convert writes the same entries with state 0.',
    next: 'dmremap convert --layout redundant {device}',
  },
  {
    id: 'module-first-entry-proven',
    severity: 'problem',
    fix: 'guess',
    title: 'The first entry has lost its main sector, and the checksum gives it back',
    says: 'Entry 0 names main sector {stored}, but the checksum was made with {expected}.',
    means:
      "The module's header is 8 bytes too long and was written over the first entry. Its checksum was made " +
      'before, and only this main sector gives it.',
    corrects: 'dmremap repair and dmremap convert put it back.',
    next: 'dmremap repair {device}',
  },
  {
    id: 'module-first-entry-lost',
    severity: 'problem',
    fix: 'guess',
    title: 'The first entry has lost its main sector',
    says: 'Entry 0 names main sector {stored}, written over the right one, whose data is in spare sector {expected}. {detail}.',
    means:
      "The module's header is 8 bytes too long and was written over the first entry. What stands there now is 0 " +
      'or the first main sector of the table before, which may be the same one.',
    corrects:
      'dmremap repair offers what it may have been, as guesses, and else leaves this entry out. All other ' +
      'entries are kept; the data stays on the spare.',
    next: 'dmremap repair {device} --main MAIN',
  },
  {
    id: 'module-filler',
    severity: 'problem',
    fix: 'guess',
    title: 'Unused slots are counted as entries',
    says: '{entries} from sector 0 to sector 0, which stand for no remap.',
    means:
      'The module fills its table up in this way where it was never told to clear it. Nothing is lost by ' +
      'leaving them out.',
    corrects: 'dmremap repair and dmremap convert leave them out.',
    next: 'dmremap repair {device}',
  },
  {
    id: 'module-torn',
    severity: 'problem',
    fix: 'guess',
    title: 'A new header stands over the table of an older one',
    says: 'The header counts {stored} entries, but the table that lies there is the one before, of {count}.',
    means:
      'The module wrote its new header, and its new table never arrived: on some devices a table of fewer than ' +
      '32 entries never does. The entries shown belong to the table before; those of the new header are lost. ' +
      'If the module was told to clear its table, new data may stand in the spare sectors of the old entries.',
    corrects: 'dmremap repair offers the older table, as a guess.',
    next: 'dmremap repair {device}',
  },
  {
    id: 'module-unfinished',
    severity: 'problem',
    fix: 'guess',
    title: 'The module did not finish writing its metadata',
    says: 'State is {stored} (writing): the {entries} may be the new table or one of the same length before it.',
    means: 'The module writes header and table, then the header once more. The last step did not happen.',
    corrects: 'dmremap repair offers the table as it lies, as a guess.',
    next: 'dmremap repair {device}',
  },
  {
    id: 'module-table-missing',
    severity: 'problem',
    fix: 'guess',
    title: 'The module wrote a header without its table',
    says: 'The header counts {stored} entries, and no table lies behind it.',
    means:
      'On some devices a table of fewer than 32 entries never arrives. Which sectors were remapped stands ' +
      'nowhere on this spare; the data itself lies in its data sectors.',
    corrects:
      'Nothing can be given back from this spare. What the kernel logged when the sectors failed tells which they were.',
    next: 'dmremap info {device}',
  },
  {
    id: 'module-full',
    severity: 'note',
    fix: 'none',
    title: "The module's table is full",
    says: 'The table has 252 entries and takes no more: any remap beyond them is recorded nowhere.',
    means:
      'What the module remapped beyond them was in its memory alone: those sectors read old data from main ' +
      'after the next start, though their data lies on the spare.',
    corrects: 'dmremap convert --layout redundant and dmremap resize make room for more.',
    next: 'dmremap convert --layout redundant {device}',
  },
  {
    id: 'module-gap',
    severity: 'problem',
    fix: 'guess',
    title: 'The kernel module would drop entries of this table',
    says: '{entries} that the module would drop: it takes entries only while each spare sector is the next one, here {expected}.',
    means: 'These sectors would read old data from main. Their data lies on the spare.',
    corrects:
      'dmremap convert --layout redundant keeps every entry; dmremap convert --layout module moves the data so ' +
      'that the module takes them all.',
    next: 'dmremap convert --layout module {device}',
  },
  {
    id: 'module-unaligned',
    severity: 'note',
    fix: 'none',
    title: 'Requests of 4 KiB never reached some remaps',
    says: '{entries} for a main sector within a block of 4 KiB. {detail}.',
    means:
      'The module looks at the first sector of a request alone, and file systems ask for 4 KiB at least: such a ' +
      'sector was written to main and read from there. Main may hold the newer data; this program honours ' +
      'every entry.',
    corrects: 'Compare with main before you use the set: dmremap check --main MAIN.',
    next: 'dmremap check {device} --main MAIN',
  },
] as const satisfies readonly CatalogueRow[];
