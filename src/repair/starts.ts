import { RemapTable } from '../format/entry.js';
import { nextGeneration } from '../format/generation.js';
import { encodeHeader, isRedundant, ZERO_UUID } from '../format/header.js';
import { eraseHeader, wholeCopy } from '../store/commit.js';
import { type Content, contentOf, nextContent, sealedBlock } from '../store/content.js';
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
  /** What would count instead is erased first. */
  readonly erases: readonly Phase[];
  /** The copies that are written whole then; none where one holds this content already. */
  readonly copies: readonly CopyName[];
  /** Other content of the same generation, or a newer one, may exist: whatever is written gets a newer one. */
  readonly renumbered: boolean;
}

/** A start as it will stand on the device, and the writes after which it is the content that counts. */
export interface Beginning {
  readonly content: Content;
  readonly phases: readonly Phase[];
}

/**
 * @param newest the newest generation that anything on the device claims
 * @param now Unix seconds
 */
export function begin(
  { content: found, erases, copies, renumbered }: Start,
  newest: number,
  now: bigint,
): Beginning {
  const anew = renumbered && copies.length > 0;
  const content = anew ? nextContent(found, { generation: nextGeneration(newest) }, now) : found;
  return { content, phases: [...erases, ...writeCopies(content, copies)] };
}

/**
 * The copy that counts, on which nothing has to be searched or chosen.
 *
 * @param contested a damaged copy claims to be newer
 */
export function startFromChosen(chosen: Copy, content: Content, contested: boolean): Start {
  return {
    id: idOf(chosen.name, content),
    certainty: 'certain',
    title: `the ${chosen.name} copy, which is whole and counts`,
    why: contested
      ? 'Its checksum fits, but a damaged copy claims to be newer.'
      : 'Its checksum fits, and no other copy is newer.',
    searched: undefined,
    content,
    lost: NOTHING,
    erases: [],
    copies: [],
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
    erases: erased.map(({ headerAt, name }) =>
      eraseHeader(headerAt, logicalBlockSize, `the header of the ${name} copy`),
    ),
    copies: [],
    renumbered: true,
  };
}

/** A content that was found by reconstruction. */
export function startFromCandidate(candidate: Candidate): Start {
  const { kind, content, proven, odds, why, lost, fits, problems } = candidate;
  return {
    id: idOf(kind, kind === 'rebuilt' ? withoutIdentity(content) : content),
    certainty: proven ? 'proven' : 'guess',
    title: TITLES[kind],
    why,
    searched: odds.searched,
    content,
    // what else a damaged copy shows is the damage itself, unless it is of another generation
    lost: proven && !problems.some(({ id }) => id === 'copy-claims-newer') ? NOTHING : lost,
    erases: [],
    copies: fits.length > 0 ? fits : ['primary'],
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
    erases: [],
    copies: ['primary'],
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
    erases: [],
    copies: [copy.name],
    renumbered: true,
  };
}

function writeCopies(content: Content, copies: readonly CopyName[]): Phase[] {
  const present = isRedundant(content.header) ? copies : (['primary'] as const);
  return (['backup', 'primary'] as const)
    .filter((copy) => present.includes(copy))
    .map((copy) => ({ purpose: `write the ${copy} copy`, writes: wholeCopy(content, copy) }));
}

/**
 * A word for people, and eight digits that no other content of this device shares. They are no CRC-32: contents
 * that were found by one checksum all have that.
 */
export function idOf(word: string, content: Content): string {
  const hash = fnv1a(content.table.bytes, fnv1a(sealedBlock(content, 'primary')));
  return `${word}-${hash.toString(16).padStart(8, '0')}`;
}

/** The hash FNV-1a of 32 bits. */
function fnv1a(block: Uint8Array, before = 0x811c9dc5): number {
  let hash = before;
  for (const byte of block) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Identity and times of a header made anew are others at the next run: its id must be the same. */
function withoutIdentity({ block, table }: Content): Content {
  const anew = { set_uuid: ZERO_UUID, spare_uuid: ZERO_UUID, creation_time: 0n, last_update_time: 0n };
  return contentOf(encodeHeader(anew, block), table);
}

const NOTHING = new RemapTable(new Uint8Array(0));
