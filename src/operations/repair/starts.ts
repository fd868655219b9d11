import type { BlockDevice } from '../../device/block-device.js';
import type { RemapTable } from '../../format/entry.js';
import { RemapTable as Table } from '../../format/entry.js';
import { isNewer } from '../../format/generation.js';
import { TABLE_START, tableArea } from '../../format/geometry.js';
import {
  decodeHeader,
  encodeHeader,
  hasExtension,
  isRedundant,
  MAGIC,
  ROLE,
  VERSION,
} from '../../format/header.js';
import { lacksMainSize, moduleLimit, moduleStarts } from '../../repair/module-starts.js';
import type { Candidate } from '../../repair/reconstruct/candidate.js';
import type { Told } from '../../repair/reconstruct/lost-header.js';
import type { Witness } from '../../repair/reconstruct/reading.js';
import { reconstruct } from '../../repair/reconstruct/reconstruct.js';
import {
  type Start,
  startAsItLies,
  startFromCandidate,
  startFromChosen,
  startFromCopy,
  startFromDump,
  type WholeCopy,
} from '../../repair/starts.js';
import { isEvidence, type Judged } from '../../store/choose.js';
import { type Content, contentOf, placeOf } from '../../store/content.js';
import type { Copy } from '../../store/copy.js';
import { readTable } from '../../store/load.js';
import type { ModuleImage } from '../../store/module-image.js';
import { readDamagedSet } from '../reconstruct.js';
import { foreignAtFront, type Surveyed } from '../survey.js';

export interface FoundStarts {
  /** The best first. */
  readonly starts: readonly Start[];
  /** What could not be searched, for people. */
  readonly limits: readonly string[];
  /** There would be something to begin with if main were named. */
  readonly lacksMain?: boolean;
}

/** What is known of the metadata from elsewhere. */
export interface Knowledge {
  /** Of undo files and of the dump: their checksums are looked for on the device. */
  readonly witnesses: readonly Witness[];
  /** Of --from-dump: to be offered even where nothing vouches for it. */
  readonly dump: Witness | undefined;
  /** Of --main: with it a header can be made anew where none is left. */
  readonly told: Told | undefined;
}

/**
 * Everything that a repair of this device could begin with. Searches only where no copy counts, or where a
 * damaged one may be newer. Reads only.
 */
export async function findStarts(
  device: BlockDevice,
  survey: Surveyed,
  knowledge: Knowledge,
): Promise<FoundStarts> {
  const { chosen, others } = survey.choice;
  // by our rules no checksum of the kernel module's own metadata ever fits: all that is found would destroy it
  if (survey.module !== undefined) return startsFromModule(survey.module, survey);
  const found: Start[] = [];
  const newer = others.some(({ claims }) => claims.includes('newer-generation'));
  if (chosen !== undefined && survey.table !== undefined)
    found.push(startFromChosen(chosen, contentOf(chosen.block, survey.table), newer));
  else found.push(...(await startsFromWholeCopies(device, survey)));
  const contradicting = others.some(({ standing }) => standing === 'differs');
  const searching = (chosen === undefined && !contradicting) || newer;
  const { candidates, limits } = searching
    ? await search(device, survey, knowledge)
    : { candidates: [], limits: [] };
  const wanted = candidates.filter((one) => isNewest(one, chosen) && !isKnown(one, found));
  found.push(...wanted.map(startFromCandidate));
  // a newer content that is proven is what the copy that counts would have become
  found.sort((a, b) => Number(b.certainty === 'proven') - Number(a.certainty === 'proven'));
  const shown = await shownTables(device, others);
  if (knowledge.dump !== undefined && (chosen === undefined || mayReplace(knowledge.dump, chosen)))
    found.push(dumpStart(knowledge.dump, chosen === undefined ? shown : [...shown, ...tablesOf(survey)]));
  if (chosen === undefined) found.push(...(await startsAsTheyLie(device, others, shown)));
  const spared: Start[] = [];
  for (const start of distinct(found)) spared.push(...(await sparingForeign(device, survey, start)));
  return { starts: spared, limits };
}

function startsFromModule(image: ModuleImage, { moduleMain }: Surveyed): FoundStarts {
  const limit = moduleLimit(image);
  return {
    starts: moduleStarts(image, moduleMain),
    limits: limit === undefined ? [] : [limit],
    lacksMain: lacksMainSize(image),
  };
}

async function search(device: BlockDevice, { copies }: Surveyed, { witnesses, told }: Knowledge) {
  const damaged = await readDamagedSet(device, copies, witnesses, told !== undefined);
  return reconstruct(damaged, witnesses, told);
}

/** What a damaged copy held before the one that counts is of no use any more. */
function isNewest({ generation }: Candidate, chosen: Copy | undefined): boolean {
  return chosen === undefined || isNewer(generation, chosen.header.generation);
}

/**
 * Beside a copy that counts, a dump is of use only if it is of the same life of the same spare; one from before a
 * migration would make a spare active again that is not.
 */
function mayReplace({ block }: Witness, { header }: Copy): boolean {
  const dumped = decodeHeader(block);
  const active = !hasExtension(header) || header.role === ROLE.active;
  return active && dumped.spare_uuid === header.spare_uuid && dumped.creation_time === header.creation_time;
}

function tablesOf({ table }: Surveyed): readonly RemapTable[] {
  return table === undefined ? [] : [table];
}

/** A candidate that is what already lies in the copy that counts. */
function isKnown({ content }: Candidate, found: readonly Start[]): boolean {
  return found.some(
    (start) =>
      start.content.header.generation === content.header.generation &&
      Buffer.compare(start.content.table.bytes, content.table.bytes) === 0,
  );
}

/**
 * A start that would be written over somebody else's content at the front goes to the backup's place instead: the
 * operator is asked about the front then. A plain set has no other place.
 */
async function sparingForeign(device: BlockDevice, { copies }: Surveyed, start: Start): Promise<Start[]> {
  if (!start.copies.includes('primary') || isEvidence(copies.primary)) return [start];
  const { header } = start.content;
  const area = TABLE_START + tableArea(header.max_entries);
  if ((await foreignAtFront(device, area)).length === 0) return [start];
  return isRedundant(header) ? [{ ...start, copies: ['backup'] }] : [];
}

/** Of starts with one content the first, which says the most about it. */
function distinct(starts: readonly Start[]): Start[] {
  const seen = new Set<string>();
  return starts.filter(({ id }) => {
    const digits = id.slice(-8);
    if (seen.has(digits)) return false;
    seen.add(digits);
    return true;
  });
}

/** Whole copies of which none counts: they contradict each other, or belong to another life of the device. */
async function startsFromWholeCopies(device: BlockDevice, { choice, copies }: Surveyed): Promise<Start[]> {
  const whole: WholeCopy[] = [];
  for (const { copy, standing } of choice.others) {
    const adoptable = standing === 'foreign' && placeOf(copy.header, 'backup').headerAt === copy.headerAt;
    if (standing === 'differs' || adoptable)
      whole.push({ copy, content: contentOf(copy.block, await readTable(device, copy)) });
  }
  return whole.map((one) => {
    const others = whole.filter((other) => other !== one);
    const inTheWay = one.copy.name === 'primary' ? others.map(({ copy }) => copy) : [copies.primary];
    return startFromCopy(one, others, inTheWay, device.logicalBlockSize);
  });
}

function dumpStart({ block, table, label }: Witness, shown: readonly RemapTable[]): Start {
  return startFromDump(contentOf(block, new Table(table)), label, shown);
}

/** The tables that damaged copies show, as far as they can be read. */
async function shownTables(device: BlockDevice, others: readonly Judged[]): Promise<RemapTable[]> {
  const tables: RemapTable[] = [];
  for (const { copy, standing } of others)
    if (standing === 'damaged' && isReadable(copy)) tables.push(await readTable(device, copy));
  return tables;
}

async function startsAsTheyLie(
  device: BlockDevice,
  others: readonly Judged[],
  shown: readonly RemapTable[],
): Promise<Start[]> {
  const starts: Start[] = [];
  for (const { copy, standing } of others) {
    if (standing !== 'damaged' || !isReadable(copy)) continue;
    const content = await asItLies(device, copy);
    if (copy.name === 'primary' || placeOf(content.header, 'backup').headerAt === copy.headerAt)
      starts.push(startAsItLies(copy, content, shown));
  }
  return starts;
}

function isReadable(copy: Copy): boolean {
  return copy.unreadable.length === 0 && copy.tableAt !== undefined && isEvidence(copy);
}

/** What no copy can do without is put right: it would not be found otherwise. */
async function asItLies(device: BlockDevice, copy: Copy): Promise<Content> {
  const block = encodeHeader({ magic: MAGIC, version: VERSION }, copy.block);
  const content = contentOf(block, await readTable(device, copy));
  const field = { copy: copy.name === 'primary' && !isRedundant(content.header) ? 0 : content.header.copy };
  return contentOf(encodeHeader(field, block), content.table);
}
