import type { FileDevice } from '../device/file-device.js';
import { identify } from '../device/identity.js';
import { ZERO_UUID } from '../format/header.js';
import { carryOut } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo, type SavedUndo } from '../undo/reader.js';
import { compareWithUndo, putBackPhases } from '../undo/verify.js';
import { markFinished } from '../undo/writer.js';
import type { Surveyed } from './survey.js';
import { listUnfinished, spareIdentity } from './undo-files.js';

/** A change that a power cut ended: its undo file is not finished, and fits what lies on the device. */
export interface CutShort {
  /** The undo file. */
  readonly path: string;
  readonly command: string;
}

/** The newest change of this spare that was begun under an undo file and not ended. Reads only. */
export async function findCutShort(
  device: FileDevice,
  survey: Surveyed,
  place: UndoPlace = {},
): Promise<CutShort | undefined> {
  const { header } = survey.choice.chosen ?? survey.copies.primary;
  const uuid = header.spare_uuid === ZERO_UUID ? undefined : header.spare_uuid;
  const spare = spareIdentity(device, await identify(device), uuid);
  for (const { path } of await listUnfinished(stateFolder(place.surroundings), spare)) {
    const fitting = await withUndo(path, async (undo) => {
      const { blocks, command } = undo.description;
      // what was written to main besides cannot be put back without main
      if (blocks.some((block) => block.device !== 'spare')) return undefined;
      const { standing } = await compareWithUndo(undo, 'spare', device);
      return standing === 'changed' ? undefined : { path, command };
    });
    if (fitting !== undefined) return fitting;
  }
  return undefined;
}

/** Puts back what the change had overwritten. Returns what was done, for people. */
export async function takeBack(device: FileDevice, { path }: CutShort): Promise<readonly string[]> {
  const done = await withUndo(path, async (undo) => {
    const phases = await putBackPhases(undo, 'spare');
    await carryOut(device, phases);
    return phases.map(({ purpose }) => purpose);
  });
  await markFinished(path);
  return done ?? [];
}

/** A valid copy lies on the device: the change needs no undoing (format.md section 4). */
export function letStand({ path }: CutShort): Promise<void> {
  return markFinished(path);
}

async function withUndo<Result>(
  path: string,
  work: (undo: SavedUndo) => Promise<Result>,
): Promise<Result | undefined> {
  const undo = await openUndo(path);
  if (isRefusal(undo)) return undefined;
  try {
    return await work(undo);
  } finally {
    await undo.close();
  }
}
