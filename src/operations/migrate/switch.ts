import type { DmremapError } from '../../errors.js';
import { type Header, ROLE } from '../../format/header.js';
import { activated, completed, notRetired, retired } from '../../migrate/target.js';
import { isLostCopyErased } from '../../store/lost-copy.js';
import { failureOf, type MetadataWriter } from '../../store/writer.js';
import { readOnlyError } from './refusals.js';
import type { Side } from './sides.js';

/** The commit point of a migration: steps 3 to 5 of format.md section 8, once all data is there. */

/** A spare of the migration and what commits to it. */
export interface Committing {
  readonly side: Side;
  readonly writer: MetadataWriter;
}

/** The end of step 3: the target says that it has everything. @param lost sectors whose data is lost */
export async function complete(target: Committing, source: Header, lost: number, now: bigint): Promise<void> {
  const { writer, side } = target;
  const { entry_count } = writer.content.header;
  const outcome = await writer.commit({ header: completed(source, entry_count, lost) }, now);
  if (outcome.kind !== 'committed') throw failureOf(outcome, side.device.name);
}

export type Retirement =
  | { readonly kind: 'retired' }
  /** It cannot be written; `isActive`: it is as before, under a newer generation. Else nobody knows. */
  | { readonly kind: 'not written'; readonly isActive: boolean; readonly failure: DmremapError };

/**
 * Step 4. From here on the target is the active spare. A source that could be written in one copy alone counts
 * as retired only where the other one cannot be found again.
 */
export async function retire(source: Committing, target: Header, now: bigint): Promise<Retirement> {
  const { writer, side } = source;
  if (!side.device.writable)
    return { kind: 'not written', isActive: true, failure: readOnlyError(side.device.name) };
  const before = writer.content.header;
  const wasDegraded = writer.health === 'degraded';
  if (wasDegraded && !(await isLostCopyErased(side.device, writer)))
    return { kind: 'not written', isActive: true, failure: failureOf({}, side.device.name) };
  const outcome = await writer.commitToAll({ header: retired(target) }, now);
  if (outcome.kind === 'committed' || (outcome.kind === 'degraded' && wasDegraded))
    return { kind: 'retired' };
  const failure = failureOf(outcome, side.device.name);
  return { kind: 'not written', isActive: await takeBack(writer, before, now), failure };
}

/** Whether the source is active again, in all its copies that are not lost. */
async function takeBack(writer: MetadataWriter, before: Header, now: bigint): Promise<boolean> {
  const active = notRetired(before);
  // mending alone would bring back the retirement, under a generation that the target does not know
  if (writer.content.header.role === ROLE.retired) await writer.commit({ header: active }, now);
  await writer.mend(active);
  return writer.health !== 'unknown' && writer.content.header.role === ROLE.active;
}

/**
 * Step 5: the target takes over.
 *
 * @param generation of the source, the newest that it may have
 * @returns a failure that has left one of its copies behind; it is active all the same
 * @throws DmremapError where it is not active
 */
export async function activate(
  target: Committing,
  generation: number,
  now: bigint,
): Promise<DmremapError | undefined> {
  const { writer, side } = target;
  const outcome = await writer.commit({ header: activated(writer.content.header, generation) }, now);
  if (outcome.kind === 'failed' || outcome.kind === 'unknown') throw failureOf(outcome, side.device.name);
  return outcome.kind === 'degraded' ? failureOf(outcome, side.device.name) : undefined;
}
