import { DmremapError } from '../../errors.js';
import { isRenumbered } from '../../format/entry.js';
import { ROLE } from '../../format/header.js';
import { generationAfter } from '../../migrate/pairs.js';
import { retired } from '../../migrate/target.js';
import type { Content } from '../../store/content.js';
import { type LoadedChoice, loadChoice } from '../../store/load-choice.js';
import { isWholeInAll } from '../../store/lost-copy.js';
import { carryOut } from '../../store/phase.js';
import { failureOf, MetadataWriter } from '../../store/writer.js';
import { sectors } from '../../units.js';
import { type CarryOverOptions, carryOver, densePairs } from './carry-over.js';
import { isOfSet, lookAtTarget } from './look.js';
import { planTarget, type TargetPlan } from './prepare.js';
import type { Sides } from './sides.js';
import { activate, type Committing, complete, type Retirement, retire } from './switch.js';

/** The steps of format.md section 8 that write to both spares, on devices that are held. */

export interface RunOptions extends CarryOverOptions {
  /** Step 5 is done although the source could not be retired. */
  readonly abandonSource: boolean;
}

/** A remapped sector whose data is not on the target as the source has it. */
export interface Unread {
  /** On the source. */
  readonly sector: number;
  readonly main_sector: number;
}

export interface Carried {
  readonly outcome: /** The target is active. */
    | 'moved'
    /** Sectors of the source cannot be read; nothing is decided. */
    | 'lost'
    /** The source could not be retired; nothing is decided. */
    | 'source not written'
    /** The target is active, and the source does not know. */
    | 'abandoned';
  readonly entries: number;
  /** Cannot be read. */
  readonly lost: readonly Unread[];
  /** Could be read once and not again: copied, but not compared. */
  readonly unproven: readonly Unread[];
  /** Why the source could not be written. */
  readonly sourceFailure: DmremapError | undefined;
  /** The source may count as retired or as active: nobody knows which of its writes came through. */
  readonly isSourceUnknown: boolean;
  /** A copy of the target that could not be written at the end. */
  readonly targetFailure: DmremapError | undefined;
}

/**
 * Steps 2 to 5: copies, compares, and lets the target take over.
 *
 * @param known of either, where that was just read or written under its lock
 * @throws DmremapError where one of the devices fails otherwise; the signal's reason
 */
export async function carryToTheEnd(sides: Sides, options: RunOptions, known: Known = {}): Promise<Carried> {
  const { source, target, order } = await open(sides, options, known);
  const { table, header } = source.writer.content;
  const start = sectors(Number(target.writer.content.header.data_start));
  const unread = (index: number): Unread => {
    const slot = order[index] ?? 0;
    return { sector: table.spareSector(slot), main_sector: table.mainSector(slot) };
  };
  const carried = await carryOver(sides, densePairs(table, order, start), target.writer, options);
  const facts = {
    entries: table.count,
    lost: carried.lost.map(unread),
    unproven: carried.unproven.map(unread),
    sourceFailure: undefined,
    isSourceUnknown: false,
    targetFailure: undefined,
  };
  if (options.lost === 'fail' && facts.lost.length > 0) return { ...facts, outcome: 'lost' };
  options.signal?.throwIfAborted();
  await complete(target, header, facts.lost.length, options.now);
  const retirement = await retire(source, target.writer.content.header, options.now);
  const sourceFacts = sourceFactsOf(retirement);
  if (retirement.kind === 'not written' && !options.abandonSource)
    return { ...facts, ...sourceFacts, outcome: 'source not written' };
  if (retirement.kind === 'retired') await source.side.device.flush();
  const { generation } = source.writer.content.header;
  const targetFailure = await activate(target, generation, options.now);
  const outcome = retirement.kind === 'retired' ? 'moved' : 'abandoned';
  return { ...facts, ...sourceFacts, targetFailure, outcome };
}

function sourceFactsOf(retirement: Retirement): Pick<Carried, 'sourceFailure' | 'isSourceUnknown'> {
  if (retirement.kind === 'retired') return { sourceFailure: undefined, isSourceUnknown: false };
  return { sourceFailure: retirement.failure, isSourceUnknown: !retirement.isActive };
}

/** What is known of the two before they are opened for commits. */
export interface Known {
  readonly source?: LoadedChoice | undefined;
  /** What step 1 has just made of that source, durably, in all copies of the target. */
  readonly target?: Pick<TargetPlan, 'content' | 'order'> | undefined;
}

interface Opened {
  readonly source: Committing;
  readonly target: Committing;
  /** Of the source's entries, by where their data lies. */
  readonly order: Uint32Array;
}

/** Both with their copies whole, and the target with exactly the source's entries. */
async function open({ source, target }: Sides, { now }: RunOptions, known: Known): Promise<Opened> {
  const from = {
    side: source,
    writer: await MetadataWriter.open(
      source.device,
      known.source === undefined ? {} : { loaded: known.source },
    ),
  };
  const { content } = from.writer;
  const order = known.target?.order ?? content.table.sortedIndices('spare');
  const to = {
    side: target,
    writer:
      known.target === undefined
        ? ((await openAsItIs(target, content, order)) ??
          (await renewTarget({ source, target }, content, now)))
        : MetadataWriter.justWritten(target.device, known.target.content),
  };
  if (to.writer.health !== 'whole') throw failureOf({}, target.device.name);
  return { source: from, target: to, order };
}

/** The target, where what counts there are the source's entries; undefined where it has to be written again. */
async function openAsItIs(
  { device }: Sides['target'],
  source: Content,
  order: Uint32Array,
): Promise<MetadataWriter | undefined> {
  const loaded = await loadChoice(device);
  const { choice, table } = loaded;
  if (choice.chosen === undefined || table === undefined) return undefined;
  const { header } = choice.chosen;
  if (!isOfSet(header, source.header)) return undefined;
  return isRenumbered(table, source.table, order, Number(header.data_start))
    ? MetadataWriter.open(device, { loaded })
    : undefined;
}

/**
 * A target that was torn while it was made, or whose source has changed since, is written again: its entries
 * follow from the source's, and its data is copied from the beginning.
 */
async function renewTarget({ target }: Sides, source: Content, now: bigint): Promise<MetadataWriter> {
  const { device } = target;
  const { spare, occupant, newest } = await lookAtTarget(device, source.header);
  const said = spare?.content?.header ?? occupant.header;
  if (spare === undefined || said === undefined)
    throw new DmremapError('changed-since', `${device.name} is no target of this set any more`);
  const { max_entries: maxEntries, spare_uuid: spareUuid } = said;
  const request = { maxEntries, spareUuid, newest, now };
  const { phases, content } = await planTarget(
    source,
    { device, erasures: occupant.headerErasures },
    request,
  );
  await carryOut(device, phases);
  return MetadataWriter.justWritten(device, content);
}

/**
 * Step 5 alone: the source is retired already.
 *
 * @returns a copy of the target that could not be written; it is active all the same
 * @throws DmremapError where the target is not active; unless the source is abandoned also where not all of that
 * one's copies that can be found say that it is retired
 */
export async function finishSwitch(
  { source, target }: Sides,
  { now, abandonSource }: Pick<RunOptions, 'now' | 'abandonSource'>,
): Promise<DmremapError | undefined> {
  const from = await MetadataWriter.open(source.device);
  if (!abandonSource) {
    if (!(await isWholeInAll(source.device, from))) throw failureOf({}, source.device.name);
    await source.device.flush();
  }
  const writer = await MetadataWriter.open(target.device);
  return activate({ side: target, writer }, from.content.header.generation, now);
}

/**
 * The source, which was retired without its target knowing of that, is active again: newer than its target, and
 * naming it.
 *
 * @throws DmremapError where not every copy of it that can be found says so
 */
export async function reinstate({ source, target }: Sides, now: bigint): Promise<void> {
  const { content } = await MetadataWriter.open(target.device);
  const writer = await MetadataWriter.open(source.device);
  const generation = generationAfter(writer.content.header.generation, content.header.generation);
  const outcome = await writer.commit({ header: { role: ROLE.active, generation } }, now);
  if (!(await isWholeInAll(source.device, writer))) throw failureOf(outcome, source.device.name);
}

/** The older of two active spares makes way. @throws DmremapError where it cannot be written */
export async function retireOlder({ source, target }: Sides, now: bigint): Promise<void> {
  const from = await MetadataWriter.open(source.device);
  const { content } = await MetadataWriter.open(target.device);
  const outcome = await from.commitToAll({ header: retired(content.header) }, now);
  if (outcome.kind === 'failed' || outcome.kind === 'unknown') throw failureOf(outcome, source.device.name);
}

/**
 * Before the target of a migration is given up: the source, which stays, has all its copies and is durable.
 *
 * @throws DmremapError where nothing is known of it
 */
export async function keepSource({ source }: Sides): Promise<void> {
  await MetadataWriter.open(source.device);
  await source.device.flush();
}
