import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Medium, mediumRelation } from '../device/same-medium.js';
import { type Roots, statOf, withRoots } from '../device/sysfs.js';
import { makePrivateFolder, unavailable, unavailableBy } from './files.js';
import { groundOf } from './filesystem.js';
import { volumeOf } from './volume.js';

/** Where the operator wants undo files, and where none may lie. */
export interface UndoPlace {
  /** --undo-file: this very file, or the first free name after it; its folder must be there. */
  readonly file?: string | undefined;
  /** --no-undo. Whether that is allowed is the command's to know. */
  readonly none?: boolean | undefined;
  /** Devices besides the spare that the file must not lie on: main. */
  readonly avoid?: readonly Medium[] | undefined;
  readonly surroundings?: Surroundings | undefined;
}

/** What else decides the place; the process's own unless told. */
export interface Surroundings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
  readonly roots?: Partial<Roots>;
}

export interface FoundPlace {
  /** The first name to try. */
  readonly path: string;
  /** For the operator: the file may be lost. */
  readonly warning: string | undefined;
}

const ROOT_FOLDER = '/var/lib/dmremap';

/**
 * The folder of undo files that --undo-file does not place: $DMREMAP_STATE_DIR, $XDG_STATE_HOME/dmremap,
 * /var/lib/dmremap for root, ~/.local/state/dmremap for others. Need not exist.
 *
 * @throws DmremapError `undo-unavailable` where a user has no home
 */
export function stateFolder({ environment = process.env, uid }: Surroundings = {}): string {
  const own = environment['DMREMAP_STATE_DIR'];
  if (own !== undefined && own !== '') return resolve(own);
  const state = environment['XDG_STATE_HOME'];
  // relative ones are to be ignored, says the specification of these variables
  if (state !== undefined && isAbsolute(state)) return join(state, 'dmremap');
  if ((uid ?? process.geteuid?.()) === 0) return ROOT_FOLDER;
  const home = environment['HOME'];
  return join(home !== undefined && isAbsolute(home) ? home : accountHome(), '.local/state/dmremap');
}

function accountHome(): string {
  try {
    return homedir();
  } catch (error) {
    throw unavailable('~/.local/state/dmremap', 'this user has no home', error);
  }
}

/**
 * Where the undo file of a change goes: its folder is there, made if need be for its owner alone, and lies
 * neither on the spare nor on a device to avoid, however deep below. Whether the file can be written shows
 * when it is.
 *
 * @param name the file's name where the operator gives none
 * @throws DmremapError `undo-unavailable`
 */
export async function findPlace(place: UndoPlace, name: string, spare: Medium): Promise<FoundPlace> {
  const roots = withRoots(place.surroundings?.roots);
  const path =
    place.file === undefined ? join(stateFolder(place.surroundings), name) : chosenFile(place.file);
  const folder = dirname(path);
  if (volumeOf(folder) !== undefined) return { path, warning: undefined };
  const forbidden = [spare, ...(place.avoid ?? [])];
  refuseDeviceItself(path, forbidden);
  const existing = place.file === undefined ? nearestFolder(folder) : folder;
  if (statOf(existing)?.isDirectory() !== true) throw unavailable(path, `there is no folder ${existing}`);
  const ground = groundOf(existing, roots);
  for (const [index, device] of forbidden.entries())
    if (ground.media.some((medium) => mediumRelation(medium, device, roots) !== 'apart'))
      throw unavailable(path, `${folder} lies on ${index === 0 ? 'the spare' : 'main'} itself`);
  try {
    await makePrivateFolder(folder);
  } catch (error) {
    throw unavailableBy(folder, error);
  }
  const { fleeting } = ground;
  return { path, warning: fleeting === undefined ? undefined : `undo file: ${fleeting}` };
}

/** What --undo-file names, if it can be a file at all. */
function chosenFile(file: string): string {
  if (file === '' || file.endsWith('/') || ['.', '..'].includes(basename(file)))
    throw unavailable(file, 'that is no name for a file', undefined, 'name a file with --undo-file FILE');
  const path = resolve(file);
  const there = statOf(path);
  if (there !== undefined && !there.isFile())
    throw unavailable(path, `it is ${there.isDirectory() ? 'a folder' : 'no plain file'}`);
  return path;
}

function refuseDeviceItself(path: string, forbidden: readonly Medium[]): void {
  const there = statOf(path);
  if (there === undefined) return;
  if (forbidden.some(({ dev, ino }) => dev === there.dev && ino === there.ino))
    throw unavailable(path, 'it is the very device that is to be changed');
}

/** The lowest folder of this path that is there: what is made in it lies where it lies. */
function nearestFolder(folder: string): string {
  for (let at = resolve(folder); ; at = dirname(at))
    if (statOf(at) !== undefined || at === dirname(at)) return at;
}
