import { RemapTable } from '../format/entry.js';
import { decodeHeader, encodeHeader, isRedundant, ZERO_UUID } from '../format/header.js';
import { eraseHeader, wholeCopy } from '../store/commit.js';
import { type Content, contentOf, sealedBlock } from '../store/content.js';
import type { Copy, CopyName } from '../store/copy.js';
import type { Phase } from '../store/phase.js';
import { entriesOnlyIn, joinTables } from './edits.js';
import type { Candidate } from './reconstruct/candidate.js';

/**
 * A content that a repair may begin with. certain: section 5 of format.md chooses it. proven, guess: by
 * section 6.
 */
export type Certainty = 'certain' | 'proven' | 'guess';

export interface Start {
  /** As it is typed behind --candidate; names this content and no other. */
  readonly id: string;
  readonly certainty: Certainty;
  /** What it is, in a few words. */
  readonly title: string;
  /** What speaks for it, or against it. */
  readonly why: string;
  /** How many contents were searched for it, where it was searched for. */
  readonly searched: bigint | undefined;
  readonly content: Content;
  /** Entries that a copy shows as live and that the content does not have. */
  readonly lost: RemapTable;
  /** The writes after which the device holds this content whole, in one copy at least. */
  readonly phases: readonly Phase[];
  /** Other content of the same generation may exist: whatever is written gets a newer one. */
  readonly renumbered: boolean;
}

/** The copy that counts, on which nothing has to be searched or chosen. */
export function startFromChosen(chosen: Copy, content: Content): Start {
  return {
    id: idOf(chosen.name, content),
    certainty: 'certain',
    title: `the ${chosen.name} copy, which is whole and counts`,
    why: 'Its checksum fits, and no other copy is newer.',
    searched: undefined,
    content,
    lost: NOTHING,
    phases: [],
    renumbered: false,
  };
}

/** A whole copy whose standing only the operator can settle. */
export interface WholeCopy {
  readonly copy: Copy;
  readonly content: Content;
}

/**
 * One of several whole copies that contradict each other: with the others out of the way it is the one that
 * counts.
 *
 * @param others all that are to go
 */
export function startFromCopy(
  { copy, content }: WholeCopy,
  others: readonly WholeCopy[],
  erased: readonly Copy[],
  logicalBlockSize: number,
): Start {
  const lost = others.map((other) => entriesOnlyIn(other.content.table, content.table));
  return {
    id: idOf(copy.name, content),
    certainty: 'guess',
    title: `the ${copy.name} copy at byte ${copy.headerAt}`,
    why: 'It is whole, but another copy says something else, and nothing on the device tells which is right.',
    searched: undefined,
    content,
    lost: joinTables(lost),
    phases: erased.map(({ headerAt, name }) =>
      eraseHeader(headerAt, logicalBlockSize, `the header of the ${name} copy`),
    ),
    renumbered: true,
  };
}

/** A content that was found by reconstruction. */
export function startFromCandidate(candidate: Candidate): Start {
  const { kind, content, proven, odds, why, lost, fits, problems } = candidate;
  const copies: readonly CopyName[] = fits.length > 0 ? fits : ['primary'];
  return {
    id: idOf(kind, kind === 'rebuilt' ? withoutIdentity(content) : content),
    certainty: proven ? 'proven' : 'guess',
    title: TITLES[kind],
    why,
    searched: odds.searched,
    content,
    // what else a damaged copy shows is the damage itself, unless it is of another generation
    lost: proven && !problems.some(({ id }) => id === 'copy-claims-newer') ? NOTHING : lost,
    phases: writeCopies(content, copies),
    renumbered: !proven,
  };
}

const TITLES: Readonly<Record<Candidate['kind'], string>> = {
  witness: 'what a dump or an undo file knows',
  'put-right': 'a copy with magic, version and copy put right',
  mixture: 'a mixture of the blocks of both copies',
  count: 'a copy with another entry_count',
  'other-header': 'the header of a dump with the table of a copy',
  'one-bit': 'a copy with one flipped bit put right',
  rebuilt: 'a table under a header made anew',
};

/** The content of a dump that nothing on the device vouches for. */
export function startFromDump(content: Content, label: string, shown: readonly RemapTable[]): Start {
  return {
    id: idOf('dump', content),
    certainty: 'guess',
    title: label,
    why: 'Nothing on the device says that this was its last content.',
    searched: undefined,
    content,
    lost: joinTables(shown.map((table) => entriesOnlyIn(table, content.table))),
    phases: writeCopies(content, ['primary']),
    renumbered: true,
  };
}

/** What lies in a damaged copy, with a checksum computed over it: never recommended. */
export function startAsItLies(copy: Copy, content: Content, shown: readonly RemapTable[]): Start {
  return {
    id: idOf(`as-it-lies-${copy.name}`, content),
    certainty: 'guess',
    title: `the ${copy.name} copy as it lies, under a new checksum`,
    why: 'Makes the checksum fit whatever the damage is. Not recommended: what is wrong stays wrong, unseen.',
    searched: undefined,
    content,
    lost: joinTables(shown.map((table) => entriesOnlyIn(table, content.table))),
    phases: writeCopies(content, [copy.name]),
    renumbered: true,
  };
}

function writeCopies(content: Content, copies: readonly CopyName[]): Phase[] {
  const present = isRedundant(content.header) ? copies : (['primary'] as const);
  return (['backup', 'primary'] as const)
    .filter((copy) => present.includes(copy))
    .map((copy) => ({ purpose: `write the ${copy} copy`, writes: wholeCopy(content, copy) }));
}

/** A word for people, and eight digits that no other content of this device shares. */
function idOf(word: string, content: Content): string {
  const { checksum } = decodeHeader(sealedBlock(content, 'primary'));
  return `${word}-${checksum.toString(16).padStart(8, '0')}`;
}

/** Identity and times of a header made anew are others at the next run: its id must be the same. */
function withoutIdentity({ block, table }: Content): Content {
  const anew = { set_uuid: ZERO_UUID, spare_uuid: ZERO_UUID, creation_time: 0n, last_update_time: 0n };
  return contentOf(encodeHeader(anew, block), table);
}

const NOTHING = new RemapTable(new Uint8Array(0));
