import type { FileDevice } from '../device/file-device.js';
import { OverlayDevice } from '../device/filters/overlay-device.js';
import { identify } from '../device/identity.js';
import { readInput } from '../device/input-file.js';
import { DmremapError } from '../errors.js';
import { DumpReader } from '../exchange/dump-document.js';
import type { Witness } from '../repair/reconstruct/reading.js';
import type { LoadedCopies } from '../store/load.js';
import { loadChoice } from '../store/load-choice.js';
import { carryOut } from '../store/phase.js';
import { isRefusal } from '../undo/format.js';
import { stateFolder, type UndoPlace } from '../undo/place.js';
import { openUndo } from '../undo/reader.js';
import { putBackPhases } from '../undo/verify.js';
import { spareUuids } from './cut-short.js';
import { isFromHere } from './dump-origin.js';
import { findUndoFiles, spareIdentity } from './undo-files.js';

/** No more undo files than this are asked: each may hold a whole table. The newest know the most. */
const MOST_UNDO_FILES = 8;

/**
 * What the undo files of a spare know of its metadata: the content that lay there before each change, where
 * the checksum of a copy vouches for it. Reads only.
 */
export async function undoWitnesses(
  device: FileDevice,
  copies: LoadedCopies,
  place: UndoPlace = {},
): Promise<Witness[]> {
  const identity = await identify(device);
  const folder = stateFolder(place.surroundings);
  const paths = new Set<string>();
  for (const uuid of spareUuids(copies))
    for (const { path, state } of await findUndoFiles(folder, spareIdentity(device, identity, uuid)))
      if (state !== 'damaged') paths.add(path);
  const witnesses: Witness[] = [];
  for (const path of [...paths].slice(0, MOST_UNDO_FILES)) {
    const witness = await undoWitness(device, path);
    if (witness !== undefined) witnesses.push(witness);
  }
  return witnesses;
}

/** A file that cannot be read, or whose content has gone with the device, knows nothing. */
async function undoWitness(device: FileDevice, path: string): Promise<Witness | undefined> {
  try {
    return await contentBefore(device, path);
  } catch (error) {
    if (error instanceof DmremapError) return undefined;
    throw error;
  }
}

async function contentBefore(device: FileDevice, path: string): Promise<Witness | undefined> {
  const undo = await openUndo(path);
  if (isRefusal(undo)) return undefined;
  try {
    const before = new OverlayDevice(device);
    await carryOut(before, await putBackPhases(undo, 'spare'));
    const { choice, table } = await loadChoice(before);
    if (choice.chosen === undefined || table === undefined) return undefined;
    return { label: `the undo file ${path}`, block: choice.chosen.block, table: table.bytes };
  } finally {
    await undo.close();
  }
}

/**
 * What a json dump (`-` is standard input) knows.
 *
 * @throws DmremapError `usage` where it is no whole dump of a valid copy; `wrong-device` where it was taken
 * from a device of another size or serial number
 */
export async function dumpWitness(device: FileDevice, path: string): Promise<Witness> {
  const reader = new DumpReader();
  for await (const piece of readInput(path)) reader.write(piece);
  const dump = reader.finish();
  await isFromHere(device, dump, undefined);
  if (!dump.valid)
    throw new DmremapError('usage', `${path} is the dump of a damaged copy: it proves nothing`, {
      hint: 'dmremap restore takes it, as a guess',
    });
  return { label: `the dump ${path}`, block: dump.block, table: dump.table };
}
