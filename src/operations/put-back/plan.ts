import type { BlockDevice } from '../../device/block-device.js';
import { OverlayDevice } from '../../device/filters/overlay-device.js';
import { DmremapError } from '../../errors.js';
import { type Header, hasExtension, isRedundant } from '../../format/header.js';
import { contentOf, samePlaces } from '../../store/content.js';
import { type LoadedChoice, loadChoice } from '../../store/load-choice.js';
import { carryOut, inParts, type Phase } from '../../store/phase.js';
import { isWhole, putBackCopies } from './copies.js';
import { putBackOtherSet } from './other-set.js';
import { reshape } from './shape.js';

/**
 * How the bytes of an undo file are put back so that a power cut leaves what counts now or what counts then.
 * Where neither of the ways below is open, the states of the change itself are gone through in reverse order:
 * those of a plain set, which has one copy, are safe by the undo file of the undo.
 *
 * @param inReverse all that is put back, in the order of putBackPhases
 * @param now what the device holds, `then` what it would hold with all of it put back
 * @throws DmremapError `undo-unavailable` where data of now lies where the copies of then would
 */
export async function planPutBack(
  device: BlockDevice,
  inReverse: readonly Phase[],
  now: LoadedChoice,
  then: LoadedChoice,
): Promise<readonly Phase[]> {
  const [from, to] = [now.choice.chosen, then.choice.chosen];
  if (from === undefined || now.table === undefined) return inReverse;
  if (to === undefined || then.table === undefined) return inReverse;
  const writes = inReverse.flatMap((phase) => phase.writes);
  if (!isSameSet(from.header, to.header))
    return putBackOtherSet(writes, now.copies, now.choice, to, device.logicalBlockSize);
  if (!isWhole(now.choice) || !isRedundant(to.header)) return inReverse;
  if (samePlaces(from.header, to.header))
    return (await putBackCopies(device, writes, now.choice, then.choice, now.table)) ?? inReverse;
  const way = reshape(device, writes, contentOf(from.block, now.table), contentOf(to.block, then.table));
  if (way === undefined) {
    if (isRedundant(from.header)) throw inTheWay(device, to.header);
    return inReverse;
  }
  const after = new OverlayDevice(device);
  await carryOut(after, way.phases);
  const { choice, table = now.table } = await loadChoice(after);
  const copies = await putBackCopies(after, way.copies, choice, then.choice, table);
  return copies === undefined ? inReverse : inParts([way.phases, copies]);
}

/**
 * The undo of an undo of what had moved data out of the way of a longer table: only the command that moves it again
 * has an order for that in which a power cut loses nothing.
 */
function inTheWay({ name }: BlockDevice, { max_entries }: Header): DmremapError {
  return new DmremapError(
    'undo-unavailable',
    `${name}: remapped sectors have their data where the table or its backup would lie`,
    { hint: `to move it out of the way again: dmremap resize ${name} --entries ${max_entries}` },
  );
}

/** A set that takes another layout may be given an identity; it keeps its time of creation. */
function isSameSet(a: Header, b: Header): boolean {
  if (a.creation_time !== b.creation_time || a.main_device_size !== b.main_device_size) return false;
  if (!hasExtension(a) || !hasExtension(b)) return true;
  return a.set_uuid === b.set_uuid && a.spare_uuid === b.spare_uuid;
}
