import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { identify } from '../device/identity.js';
import { hasExtension, ZERO_UUID } from '../format/header.js';
import type { Copy } from '../store/copy.js';
import type { LoadedCopies } from '../store/load.js';
import { loadChoice } from '../store/load-choice.js';
import { carryOut } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo, type SavedUndo } from '../undo/reader.js';
import { compareWithUndo, putBackPhases } from '../undo/verify.js';
import { markFinished } from '../undo/writer.js';
import type { Diagnosis } from './diagnose.js';
import { putBackChosenFirst } from './put-back/other-set.js';
import type { Surveyed } from './survey.js';
import { listUnfinished, namingUndo, spareIdentity } from './undo-files.js';

/** A change that a power cut ended: its undo file is not finished, and fits what lies on the device. */
export interface CutShort {
  /** The undo file. */
  readonly path: string;
  readonly command: string;
}

/**
 * Whether a change that was cut short is to be taken back here: no copy of ours is valid, nor does the kernel module
 * read what lies there. Where one is, the change needs no undoing.
 */
export function isTakenBack({ survey: { choice, module }, problems }: Diagnosis): boolean {
  if (choice.chosen !== undefined || module?.standing === 'accepted') return false;
  return module !== undefined || !choice.evidence || problems.some(({ id }) => id === 'no-valid-copy');
}

/** The newest change of this spare that was begun under an undo file and not ended. Reads only. */
export async function findCutShort(
  device: FileDevice,
  { choice, copies }: Surveyed,
  place: UndoPlace = {},
): Promise<CutShort | undefined> {
  const identity = await identify(device);
  const folder = stateFolder(place.surroundings);
  const found = new Set<string>();
  for (const uuid of choice.chosen === undefined ? spareUuids(copies) : [uuidOf(choice.chosen)])
    for (const { path } of await listUnfinished(folder, spareIdentity(device, identity, uuid)))
      found.add(path);
  for (const path of found) {
    const fitting = await withUndo(path, async (undo) => {
      const { blocks, command } = undo.description;
      // of main nothing is put back: its sectors were written while they were remapped, and are so again
      if (!blocks.some((block) => block.device === 'spare')) return undefined;
      const { standing } = await compareWithUndo(undo, 'spare', device);
      return standing === 'changed' ? undefined : { path, command };
    });
    if (fitting !== undefined) return fitting;
  }
  return undefined;
}

/**
 * What a spare may be known by where none of its headers can be trusted: the uuid of each, and none at all,
 * which stands for what the device itself is known by.
 */
export function spareUuids({ primary, backups }: LoadedCopies): Set<string | undefined> {
  return new Set([...[primary, ...backups].map(uuidOf), undefined]);
}

function uuidOf({ header }: Copy): string | undefined {
  return hasExtension(header) && header.spare_uuid !== ZERO_UUID ? header.spare_uuid : undefined;
}

/** Puts back what the change had overwritten. Returns what was done, for people. */
export async function takeBack(device: FileDevice, { path }: CutShort): Promise<readonly string[]> {
  const done = await withUndo(path, async (undo) => {
    const inReverse = await putBackPhases(undo, 'spare');
    const after = new OverlayDevice(device);
    await carryOut(after, inReverse);
    const { chosen } = (await loadChoice(after)).choice;
    const writes = inReverse.flatMap((phase) => phase.writes);
    const phases =
      chosen === undefined ? inReverse : putBackChosenFirst(writes, chosen, device.logicalBlockSize);
    await carryOut(device, phases).catch((error: unknown) => {
      throw namingUndo(error, path);
    });
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
