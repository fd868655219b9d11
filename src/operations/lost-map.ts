import { identify } from '../device/identity.js';
import { writeOutputFile } from '../device/output-file.js';
import { mapfileLines } from '../exchange/ddrescue.js';
import type { Span } from '../remap/selection.js';
import { undoFileName } from '../undo/identity.js';
import { findPlace, type UndoPlace } from '../undo/place.js';
import { SECTOR_SIZE } from '../units.js';
import { identityIn, type SetToChange } from './set-to-change.js';
import { spareIdentity } from './undo-files.js';

export interface LostMapOptions {
  /** This file, which must not be there; else one beside the undo files. */
  readonly lostMap?: string | undefined;
  readonly undo: UndoPlace;
}

/**
 * Writes the sectors of main that a command could not read as a ddrescue mapfile.
 *
 * @returns its name; undefined where none is lost
 * @throws DmremapError as writeOutputFile and findPlace
 */
export async function saveLostMap(
  { spare, main, corrected }: SetToChange,
  command: string,
  lost: readonly Span[],
  { lostMap, undo }: LostMapOptions,
): Promise<string | undefined> {
  if (lost.length === 0) return undefined;
  const { header } = corrected.found;
  const { spareUuid, generation } = identityIn(header);
  let path = lostMap;
  if (path === undefined) {
    const identity = spareIdentity(spare, await identify(spare), spareUuid);
    const name = undoFileName(identity, generation, command).replace(/undo$/, 'map');
    ({ path } = await findPlace({ ...undo, file: undefined, avoid: [main] }, name, spare));
  }
  const heading = [`sectors of ${main.path} that dmremap ${command} could not read`];
  const size = Number(header.main_device_size) * SECTOR_SIZE;
  const blocks = lost.map(([first, end]) => ({
    at: first * SECTOR_SIZE,
    length: (end - first) * SECTOR_SIZE,
    status: '-' as const,
  }));
  const options = { overwrite: lostMap === undefined, never: [spare, main] };
  await writeOutputFile(path, options, async (sink) => {
    for (const line of mapfileLines({ heading, size, rest: '?' }, blocks)) await sink.write(`${line}\n`);
  });
  return path;
}
