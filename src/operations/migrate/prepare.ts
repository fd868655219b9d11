import { DmremapError } from '../../errors.js';
import { nextGeneration } from '../../format/generation.js';
import { CAPACITY, encodeHeader, type Header, hasExtension } from '../../format/header.js';
import { extensionFor, type SourceIdentity } from '../../migrate/identity.js';
import { type TargetRequest, targetContent } from '../../migrate/target.js';
import { commit } from '../../store/commit.js';
import { type Content, contentOf, samePlaces } from '../../store/content.js';
import { createPhases, type Erasure, erase } from '../../store/create.js';
import { type LoadedChoice, loadChoice } from '../../store/load-choice.js';
import { contentToWrite, mendingPhases } from '../../store/mend.js';
import { inParts, type Phase } from '../../store/phase.js';
import { dataArea } from '../../store/relayout.js';
import { stepBetween } from '../../store/step.js';
import { failureOf, MetadataWriter } from '../../store/writer.js';
import type { Bytes } from '../../units.js';
import type { Side } from './sides.js';

/** What comes before any data is copied: an identity for a plain source, and step 1 of format.md section 8. */

/** The source as identifySource() will leave it, for a plan. */
export function identified({ block, header, table }: Content, identity: SourceIdentity): Content {
  return contentOf(encodeHeader(extensionFor(header, identity), block), table);
}

/**
 * Writes that extension, into the header's first sector.
 *
 * @param now Unix seconds
 * @throws DmremapError where it cannot be written
 */
export async function identifySource({ device }: Side, identity: SourceIdentity, now: bigint): Promise<void> {
  const writer = await MetadataWriter.open(device);
  const { header } = writer.content;
  if (hasExtension(header)) return;
  const outcome = await writer.commit({ header: extensionFor(header, identity) }, now);
  if (outcome.kind === 'committed') return;
  await writer.mend();
  throw failureOf(outcome, device.name);
}

/** What is found on the device that becomes the target. */
export interface TargetDevice {
  readonly device: Side['device'];
  /** What must not be found on it any more. */
  readonly erasures: readonly Erasure[];
}

/** Step 1 of a migration, before it is done. */
export interface TargetPlan {
  readonly phases: readonly Phase[];
  /** What all copies of the target hold once they are carried out. */
  readonly content: Content;
  /** Of the source's entries, in which they stand there. */
  readonly order: Uint32Array;
}

/**
 * Step 1. A spare of the same shape stays whole in one copy at every instant; of all else what is there is erased
 * first.
 *
 * @param source has an extension
 * @throws DmremapError `too-small`
 */
export async function planTarget(
  source: Content,
  { device, erasures }: TargetDevice,
  request: Omit<TargetRequest, 'size'>,
): Promise<TargetPlan> {
  refuseTooSmall(device.name, device.size, source, request.maxEntries);
  const order = source.table.sortedIndices('spare');
  const content = targetContent(source, order, { ...request, size: device.size });
  const { logicalBlockSize } = device;
  const loaded = await loadChoice(device);
  const before = wholeContent(device, loaded);
  const isInPlace =
    before?.header.spare_uuid === request.spareUuid && samePlaces(before.header, content.header);
  if (before === undefined || !isInPlace) {
    const phases = [...erase(erasures, logicalBlockSize), ...createPhases(content, logicalBlockSize)];
    return { phases, content, order };
  }
  const next = asNextCommit(content, before.header);
  const phases = inParts([
    mendingPhases(loaded.choice, before, logicalBlockSize),
    commit(stepBetween(before, next), logicalBlockSize),
  ]);
  return { phases, content: next, order };
}

/** The same spare goes on: a backup of another birth would count as another device's. */
function asNextCommit({ block, table }: Content, { creation_time, generation }: Header): Content {
  return contentOf(encodeHeader({ creation_time, generation: nextGeneration(generation) }, block), table);
}

/** What commits could begin with; undefined where nothing counts, or another copy is in the way. */
function wholeContent(device: Side['device'], loaded: LoadedChoice): Content | undefined {
  if (loaded.choice.chosen === undefined) return undefined;
  try {
    return contentToWrite(device, loaded);
  } catch (error) {
    if (error instanceof DmremapError) return undefined;
    throw error;
  }
}

function refuseTooSmall(name: string, size: Bytes, { table }: Content, maxEntries: number): void {
  const live = table.liveCount;
  if (maxEntries < live)
    throw new DmremapError('too-small', `a table of ${maxEntries} entries does not hold the ${live} remaps`, {
      hint: `at least --entries ${live}`,
      data: { live_entries: live },
    });
  const room = roomFor(size, maxEntries);
  if (room >= Math.max(1, live)) return;
  const most = largestCapacity(size, live);
  throw new DmremapError(
    'too-small',
    `${name} has ${size} bytes: a redundant set of ${maxEntries} entries leaves ${Math.max(0, room)} data sectors for ${live} remaps`,
    {
      ...(most === undefined ? {} : { hint: `at most --entries ${most} fits` }),
      data: { live_entries: live, ...(most === undefined ? {} : { entries_that_fit: most }) },
    },
  );
}

function roomFor(size: Bytes, maxEntries: number): number {
  const { start, end } = dataArea({ layout: 'redundant', maxEntries }, size);
  return end - start;
}

/** The largest capacity that leaves room for these remaps; undefined where none does. */
function largestCapacity(size: Bytes, live: number): number | undefined {
  let low = Math.max(CAPACITY.least, live) - 1;
  let high: number = CAPACITY.most;
  const least = low;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (roomFor(size, middle) >= Math.max(1, live)) low = middle;
    else high = middle - 1;
  }
  return low === least ? undefined : low;
}
