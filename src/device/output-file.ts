import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DmremapError } from '../errors.js';
import { errnoOf } from './file-device.js';
import { type Medium, sameMedium } from './same-medium.js';

export interface OutputOptions {
  /** Replace a file that is there already. */
  readonly overwrite?: boolean;
  /** What the file must not be, nor lie below, whatever path leads to it: the devices at hand. */
  readonly never?: readonly Medium[];
}

/** Where the content goes. A write returns once it may be followed by the next one. */
export interface Sink {
  write(chunk: Uint8Array | string): Promise<void>;
}

/** Bytes gathered before they are written. */
const GATHERED = 1 << 18;

let temporaries = 0;

/**
 * Writes a file that appears whole or not at all: `produce` fills a temporary file in the same folder, which is
 * made durable and then takes the name. If anything fails, or `produce` throws, the temporary file is removed
 * and what was there before stays. A replaced file's mode and owner are kept. Returns the bytes written.
 *
 * Throws DmremapError: usage (a device or anything else that is no plain file, a folder, a file that is there
 * without `overwrite`, no such folder), permission, no-space, io; and whatever `produce` throws.
 */
export async function writeOutputFile(
  path: string,
  options: OutputOptions,
  produce: (sink: Sink) => Promise<void>,
): Promise<number> {
  const system = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw outputError(path, error);
    });
  const { target, replaced } = checkTarget(path, options);
  const folder = dirname(target);
  temporaries += 1;
  // Not named after the file, whose name may be as long as names can be.
  const temporary = join(folder, `.dmremap-${process.pid}-${temporaries}-${Date.now().toString(36)}.tmp`);
  const handle = await system(open(temporary, 'wx', 0o666));
  let inPlace = false;
  try {
    const sink = new GatheringSink((chunk) => system(writeAll(handle, chunk)));
    await produce(sink);
    const size = await sink.end();
    if (replaced !== undefined) await system(likeBefore(handle, replaced));
    await system(handle.sync());
    await system(handle.close());
    await takeName(temporary, target, path, options.overwrite === true);
    inPlace = true;
    await system(syncFolder(folder));
    return size;
  } finally {
    await handle.close().catch(() => undefined);
    if (!inPlace) await unlink(temporary).catch(() => undefined);
  }
}

/** Takes back an output file of something that was not done. */
export async function removeOutputFile(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

/** Gathers small chunks, so that memory stays small and writes stay large. */
class GatheringSink implements Sink {
  private readonly put: (chunk: Uint8Array) => Promise<void>;
  private readonly buffer = new Uint8Array(GATHERED);
  private used = 0;
  private total = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(put: (chunk: Uint8Array) => Promise<void>) {
    this.put = put;
  }

  /** Also in order when the caller does not wait. */
  write(chunk: Uint8Array | string): Promise<void> {
    this.last = this.last.then(() => this.take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
    return this.last;
  }

  /** Writes what is left; returns the bytes written in all. */
  async end(): Promise<number> {
    await this.last;
    await this.put(this.buffer.subarray(0, this.used));
    return this.total;
  }

  private async take(chunk: Uint8Array): Promise<void> {
    this.total += chunk.length;
    for (let done = 0; done < chunk.length; ) {
      const part = chunk.subarray(done, done + GATHERED - this.used);
      this.buffer.set(part, this.used);
      this.used += part.length;
      done += part.length;
      if (this.used < GATHERED) continue;
      await this.put(this.buffer);
      this.used = 0;
    }
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
  }
}

/** Where the file goes with links followed, and what it will replace. */
function checkTarget(path: string, options: OutputOptions): { target: string; replaced: Stats | undefined } {
  let there: Stats | undefined;
  if (path === '-') throw usage('- is no name for a file', 'leave -o out to write to standard output');
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
      if (path === '' || path.endsWith('/')) throw usage(`${JSON.stringify(path)} is no name for a file`);
      return { target: path, replaced: undefined };
    }
    there = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw error instanceof DmremapError ? error : outputError(path, error);
  }
  if (there?.isDirectory() === true) throw usage(`${path} is a directory`, 'name a file');
  if (there?.isBlockDevice() === true) throw usage(`${path} is a block device: output goes to files only`);
  if (there !== undefined && !there.isFile()) {
    throw usage(`${path} is no plain file`, 'leave the file name out and redirect the output');
  }
  if (there !== undefined && isAmong(path, options.never ?? [])) {
    throw usage(`${path} is the device that is worked on: it is no output file`);
  }
  if (options.overwrite !== true) throw usage(`${path} is there already`, 'to replace it: --overwrite');
  return { target: there === undefined ? path : realpathSync(path), replaced: there };
}

/** Also the image behind a loop device: replaced, it would live on without a name until the loop is detached. */
function isAmong(path: string, devices: readonly Medium[]): boolean {
  const { dev, ino } = statSync(path, { bigint: true });
  const file = { realPath: realpathSync(path), deviceNumber: undefined, dev, ino };
  return devices.some((device) => sameMedium(file, device));
}

/** A file of another owner stays its owner's, where we may give it away. */
async function likeBefore(handle: FileHandle, before: Stats): Promise<void> {
  await handle.chown(before.uid, before.gid).catch(() => undefined);
  await handle.chmod(before.mode & 0o777);
}

async function takeName(temporary: string, target: string, path: string, overwrite: boolean): Promise<void> {
  try {
    if (overwrite) return await rename(temporary, target);
    try {
      await link(temporary, target); // unlike rename, it fails if the name was taken meanwhile
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') throw usage(`${path} is there already`, 'to replace it: --overwrite');
      return await rename(temporary, target); // a file system without hard links
    }
    await unlink(temporary);
  } catch (error) {
    throw error instanceof DmremapError ? error : outputError(path, error);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error; // file systems whose folders cannot be flushed
  } finally {
    await handle.close();
  }
}

function usage(message: string, hint?: string): DmremapError {
  return new DmremapError('usage', message, hint === undefined ? {} : { hint });
}

function outputError(path: string, error: unknown): DmremapError {
  const errno = errnoOf(error);
  const details = { cause: error, data: { errno } };
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errno)) {
    return new DmremapError('no-space', `${path}: no space left to write it (${errno})`, details);
  }
  if (['EACCES', 'EPERM', 'EROFS'].includes(errno)) {
    return new DmremapError('permission', `${path}: not allowed to write there (${errno})`, details);
  }
  if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ERR_INVALID_ARG_VALUE'].includes(errno)) {
    const hint = 'the folder must be there, and the name must be a possible one';
    return new DmremapError('usage', `${path} cannot be created: ${errno}`, { ...details, hint });
  }
  return new DmremapError('io', `${path} could not be written: ${errno}`, details);
}
