import type { FileDevice } from '../device/file-device.js';
import { identify } from '../device/identity.js';
import { writeOutputFile } from '../device/output-file.js';
import type { Medium } from '../device/same-medium.js';
import { mapfileLines } from '../exchange/ddrescue.js';
import type { Header } from '../format/header.js';
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

/** Sectors of a device that cannot be read. */
export interface Lost {
  readonly command: string;
  /** The device whose sectors they are. */
  readonly device: Medium & { readonly path: string };
  /** Of it, in bytes. */
  readonly size: number;
  readonly spans: readonly Span[];
}

/**
 * Writes the sectors of main that a command could not read as a ddrescue mapfile.
 *
 * @returns its name; undefined where none is lost
 * @throws DmremapError as writeOutputFile and findPlace
 */
export function saveLostMap(
  { spare, main, corrected }: SetToChange,
  command: string,
  spans: readonly Span[],
  options: LostMapOptions,
): Promise<string | undefined> {
  const { header } = corrected.found;
  const size = Number(header.main_device_size) * SECTOR_SIZE;
  return writeLostMap({ command, device: main, size, spans }, { spare, header, never: [main] }, options);
}

/**
 * The same for the sectors of any device.
 *
 * @param header of the spare, by which the file is named
 */
export async function writeLostMap(
  { command, device, size, spans }: Lost,
  {
    spare,
    header,
    never,
  }: { readonly spare: FileDevice; readonly header: Header; readonly never: readonly Medium[] },
  { lostMap, undo }: LostMapOptions,
): Promise<string | undefined> {
  if (spans.length === 0) return undefined;
  const { spareUuid, generation } = identityIn(header);
  let path = lostMap;
  if (path === undefined) {
    const identity = spareIdentity(spare, await identify(spare), spareUuid);
    const name = undoFileName(identity, generation, command).replace(/undo$/, 'map');
    ({ path } = await findPlace({ ...undo, file: undefined, avoid: never }, name, spare));
  }
  const heading = [`sectors of ${device.path} that dmremap ${command} could not read`];
  const blocks = spans.map(([first, end]) => ({
    at: first * SECTOR_SIZE,
    length: (end - first) * SECTOR_SIZE,
    status: '-' as const,
  }));
  const options = { overwrite: lostMap === undefined, never: [spare, ...never] };
  await writeOutputFile(path, options, async (sink) => {
    for (const line of mapfileLines({ heading, size, rest: '?' }, blocks)) await sink.write(`${line}\n`);
  });
  return path;
}
