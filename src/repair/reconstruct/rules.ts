import type { ProblemId } from '../../check/catalogue/index.js';
import { check } from '../../check/checker.js';
import type { Problem } from '../../check/finding.js';
import { ruleEntries } from '../../check/rules/entries.js';
import type { Survey } from '../../check/survey.js';
import { RemapTable } from '../../format/entry.js';
import { backupHeaderPlace } from '../../format/geometry.js';
import { decodeHeader, encodeHeader, hasExtension } from '../../format/header.js';
import { type Choice, chooseCopy } from '../../store/choose.js';
import type { Content } from '../../store/content.js';
import { type Copy, headerFaults, tablePlace } from '../../store/copy.js';
import type { LoadedCopies } from '../../store/load.js';
import type { Bytes } from '../../units.js';
import { checksumIn } from './normal.js';
import type { Place } from './place.js';

/** The rules of src/check, asked about contents that do not lie on the device yet. */

/**
 * Findings that say nothing against a content: what a set may well be (in use when the power went, marked as
 * failed, grown since, part of a migration), and what is wrong beside it, with the other copy.
 */
const NO_BREACH: ReadonlySet<ProblemId> = new Set<ProblemId>([
  'state-dirty',
  'state-error',
  'device-grown',
  'device-grown-occupied',
  'role-target',
  'role-retired',
  'compat-unknown',
  'copy-damaged',
  'copy-stale',
  'copy-superseded',
  'copy-claims-newer',
  'copy-claims-other-set',
  'copy-foreign-signature',
  'copy-unreadable',
  'copy-table-unreadable',
  'copy-foreign',
  'backup-left-over',
  'backup-left-over-conversion',
]);

export function breachesAmong(problems: readonly Problem[]): Problem[] {
  return problems.filter(({ id }) => !NO_BREACH.has(id));
}

/** A content with the CRC-32 of its live entries. */
export interface Summed {
  /** Its block is in normal form. */
  readonly content: Content;
  readonly tableCrc: number;
}

/** The copy that would lie at this place if this content were written there. */
export function sealedCopy({ content, tableCrc }: Summed, place: Place, deviceSize: Bytes): Copy {
  const checksum = checksumIn(place.name, content.block, tableCrc, content.table.bytes.length);
  const copy = place.name === 'backup' && hasExtension(content.header) ? 1 : 0;
  return {
    ...copyOf(encodeHeader({ checksum, copy }, content.block), place, deviceSize),
    computed: checksum,
  };
}

/** The copy that lies there, damaged as it is. */
export function damagedCopy(place: Place, deviceSize: Bytes): Copy {
  const { block, unreadable } = place.reading;
  const copy = copyOf(block, place, deviceSize);
  return {
    ...copy,
    unreadable: unreadable.map((range) => ({ ...range, errno: 'EIO' })),
    faults: [...copy.faults, 'checksum'],
  };
}

function copyOf(block: Uint8Array, place: Place, deviceSize: Bytes): Copy {
  const { name, headerAt } = place;
  const lone = loneCopy(block, place);
  const tableAt = tablePlace(name, headerAt, lone.header, deviceSize);
  return {
    ...lone,
    place: placeName(place, deviceSize),
    tableAt,
    faults: headerFaults(name, lone.header, tableAt),
  };
}

function placeName(place: Place, deviceSize: Bytes): Copy['place'] {
  if (place.name === 'primary') return 'front';
  return place.headerAt === backupHeaderPlace(deviceSize) ? 'end' : 'pointed';
}

/** What section 5 chooses among these copies, the primary first. */
export function choose(copies: readonly Copy[], sameTable: LoadedCopies['sameTable']): Choice {
  const [primary, ...backups] = copies;
  if (primary === undefined) throw new RangeError('a set without a place for its primary');
  return chooseCopy({ primary, backups, sameTable });
}

/** What check says about a device on which section 5 has chosen a copy with this table. */
export function problemsOf(choice: Choice, table: RemapTable, deviceSize: Bytes): Problem[] {
  return check(surveyOf(choice, table, deviceSize));
}

/** Whether a header obeys the rules, apart from its entries. */
export function headerObeys(copy: Copy, deviceSize: Bytes): boolean {
  return breachesAmong(problemsOf(choiceOf(copy), NO_ENTRIES, deviceSize)).length === 0;
}

/** Whether some of the entries under a header obey the rules, by themselves and among each other. */
export function entriesObey(copy: Copy, entries: Uint8Array, deviceSize: Bytes): boolean {
  return ruleEntries(surveyOf(choiceOf(copy), new RemapTable(entries), deviceSize)).length === 0;
}

const NO_ENTRIES = new RemapTable(new Uint8Array(0));

/** A header block at a place, as the rules want to see it. */
export function loneCopy(block: Uint8Array, { name, headerAt }: Place): Copy {
  return {
    name,
    place: 'front',
    headerAt,
    block,
    header: decodeHeader(block),
    tableAt: undefined,
    unreadable: [],
    computed: undefined,
    onlyMagicWrong: false,
    faults: [],
  };
}

function choiceOf(chosen: Copy): Choice {
  return { chosen, others: [], unsupported: [], evidence: true };
}

function surveyOf(choice: Choice, table: RemapTable, deviceSize: Bytes): Survey {
  return {
    deviceSize,
    choice,
    table,
    foreign: new Map(),
    beyond: undefined,
    difference: undefined,
    module: undefined,
    moduleMain: undefined,
    holder: undefined,
    main: undefined,
    media: undefined,
  };
}
