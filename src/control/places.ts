import { mkdir, readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/** Ends the name of a control socket; what stands before it is the set's uuid. */
const CONTROL = '.ctl';

/** Where the sockets of servers lie that are not told otherwise (cli.md, “Serving”). */
export interface RunFolder {
  readonly path: string;
}

/**
 * The folder of this user.
 *
 * @throws DmremapError `usage` where an ordinary user has none
 */
export function runFolder(
  environment: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): RunFolder {
  if (isRoot) return { path: '/run/dmremap' };
  const runtime = environment['XDG_RUNTIME_DIR'] ?? '';
  if (isAbsolute(runtime)) return { path: join(runtime, 'dmremap') };
  throw new DmremapError('usage', 'there is no folder for sockets: XDG_RUNTIME_DIR is not set', {
    hint: 'name the sockets with --unix and --control',
  });
}

/** The sockets of a set's server. */
export function socketsOf(
  { path }: RunFolder,
  uuid: string,
): { readonly nbd: string; readonly control: string } {
  return { nbd: join(path, `${uuid}.nbd`), control: join(path, `${uuid}${CONTROL}`) };
}

/** Makes the folder, for nobody but the user. */
export async function makeRunFolder({ path }: RunFolder): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    throw new DmremapError(errno === 'EACCES' ? 'permission' : 'io', `${path} cannot be made: ${errno}`, {
      cause: error,
    });
  }
}

/** The uuids of all sets of which there is a control socket, whether or not anybody answers on it. */
export async function servedSets({ path }: RunFolder): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names.filter((name) => name.endsWith(CONTROL)).map((name) => name.slice(0, -CONTROL.length));
}
