/** The one file of this room that touches the file system: undo files and the folders they lie in. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoOf } from '../device/file-device.js';
import { statOf } from '../device/sysfs.js';
import { DmremapError } from '../errors.js';
import { type UndoStorage, volumeOf } from './volume.js';

/** When a file was last written, in nanoseconds of some clock; 0 where nothing tells. */
export function writtenAt(path: string): number {
  return volumeOf(path)?.writtenAt(path) ?? Number(statOf(path)?.mtimeNs ?? 0n);
}

/** Ends the name of every undo file. */
export const UNDO_SUFFIX = '.undo';

/** Names tried before a folder is taken to be out of its mind. */
const MOST_NAMES = 10_000;

/** An undo file on disk. */
class DiskStorage implements UndoStorage {
  readonly path: string;
  private readonly handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.handle = handle;
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async read(at: number, into: Uint8Array): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.handle.read(into, done, into.length - done, at + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(at: number, from: Uint8Array): Promise<void> {
    for (let done = 0; done < from.length; )
      done += (await this.handle.write(from, done, from.length - done, at + done)).bytesWritten;
  }

  sync(): Promise<void> {
    return this.handle.sync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  async discard(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await unlink(this.path).catch(() => undefined);
  }
}

/** The nth name to try for a file: X.undo, X-2.undo, X-3.undo. */
export function numberedPath(path: string, attempt: number): string {
  if (attempt === 1) return path;
  const stem = path.endsWith(UNDO_SUFFIX) ? path.slice(0, -UNDO_SUFFIX.length) : path;
  return `${stem}-${attempt}${path.slice(stem.length)}`;
}

/** Creates a file that only its owner may read, under this name or the first free one after it. */
export async function createUndo(path: string): Promise<UndoStorage> {
  const volume = volumeOf(path);
  for (let attempt = 1; ; attempt++) {
    const name = numberedPath(path, attempt);
    try {
      return volume?.create(name) ?? new DiskStorage(name, await open(name, 'wx', 0o600));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || attempt === MOST_NAMES) throw error;
    }
  }
}

/** Opens an undo file that is there. Whatever else has its name is refused and not waited for. */
export async function openExisting(path: string, access: 'read' | 'write'): Promise<UndoStorage> {
  const volume = volumeOf(path);
  if (volume !== undefined) return volume.open(path);
  const flags = access === 'read' ? constants.O_RDONLY : constants.O_RDWR;
  const handle = await open(path, flags | constants.O_NONBLOCK | constants.O_NOCTTY);
  if ((await handle.stat()).isFile()) return new DiskStorage(path, handle);
  await handle.close();
  throw new DmremapError('usage', `${path} is no plain file: undo files are`);
}

/** Makes what was created or renamed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const volume = volumeOf(folder);
  if (volume !== undefined) return volume.syncFolder();
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error; // file systems whose folders cannot be flushed
  } finally {
    await handle.close();
  }
}

/** Makes a folder, and those above it that are missing, for its owner alone; durably. Others stay as they are. */
export async function makePrivateFolder(folder: string): Promise<void> {
  for (const made of (await makeFolders(resolve(folder))).reverse()) await syncFolder(dirname(made));
}

/**
 * Makes what is missing of a path, from its top down, and returns that. Step by step: the recursion of mkdir
 * itself tries for ever where a folder that is there answers ENOENT for its children, as /proc does.
 */
async function makeFolders(path: string): Promise<string[]> {
  if (await isFolder(path)) return [];
  const above = path === dirname(path) ? [] : await makeFolders(dirname(path));
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // another process may have made it just now
    if (errnoOf(error) !== 'EEXIST' || !(await isFolder(path))) throw error;
    return above;
  }
  return [...above, path];
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Paths of the files in a folder that are called *.undo; none where there is no folder. */
export async function undoPathsIn(folder: string): Promise<string[]> {
  try {
    const names = (volumeOf(folder)?.names() ?? (await readdir(folder))).filter((name) =>
      name.endsWith(UNDO_SUFFIX),
    );
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return [];
    throw unreadable(folder, error);
  }
}

const WAY_OUT =
  'set DMREMAP_STATE_DIR to a folder on another disk or, where the command has it, name one with --undo-file FILE';

/** The error for a place where the bytes to be overwritten cannot be saved: nothing has been changed. */
export function unavailable(path: string, why: string, cause?: unknown, hint = WAY_OUT): DmremapError {
  return new DmremapError('undo-unavailable', `no undo file can be written at ${path}: ${why}`, {
    hint,
    cause,
    data: { path, ...(cause === undefined ? {} : { errno: errnoOf(cause) }) },
  });
}

function isOfSystem(error: unknown): boolean {
  return !(error instanceof DmremapError) && error instanceof Error && 'code' in error;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left there',
  EDQUOT: 'the quota is used up',
  EFBIG: 'files there may not become so large',
  EACCES: 'writing there is not allowed',
  EPERM: 'writing there is not allowed',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of the path is no folder',
  ENAMETOOLONG: 'the name is too long',
};

/** The same for an error of the system; every other error stays what it is. */
export function unavailableBy(path: string, error: unknown): unknown {
  if (!isOfSystem(error)) return error;
  const errno = errnoOf(error);
  return unavailable(path, `${REASONS[errno] ?? 'the system refuses'} (${errno})`, error);
}

/** The error for an undo file, or a folder of such, that cannot be read; no other error is changed. */
export function unreadable(path: string, error: unknown): unknown {
  if (!isOfSystem(error)) return error;
  const errno = errnoOf(error);
  const details = { cause: error, data: { path, errno } };
  if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ERR_INVALID_ARG_VALUE', 'ENXIO'].includes(errno))
    return new DmremapError('usage', `${path}: there is no such undo file (${errno})`, details);
  if (['EACCES', 'EPERM', 'EROFS'].includes(errno))
    return new DmremapError('permission', `${path}: not allowed to open it (${errno})`, details);
  return new DmremapError('io', `${path} cannot be read: ${errno}`, details);
}
