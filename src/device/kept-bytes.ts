import { constants, readSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DmremapError } from '../errors.js';
import { type Bytes, bytes } from '../units.js';
import type { BlockDevice } from './block-device.js';
import { errnoOf } from './file-device.js';
import { MemoryDevice } from './memory-device.js';

/** Bytes that are kept for a while. */
export interface KeptBytes {
  /** For filling them. */
  readonly device: BlockDevice;
  /** A part of them; not to be changed. */
  part(at: number, length: number): Uint8Array;
  /** They are gone then. */
  close(): Promise<void>;
}

/** More than so many bytes are kept in a file, where one can be made. */
const MOST_IN_MEMORY = 16 << 20;

let files = 0;

/**
 * @param length zeros at the beginning
 * @param mayBeFile false where no file may be written
 */
export async function keepBytes(length: number, mayBeFile = true): Promise<KeptBytes> {
  const file = length > MOST_IN_MEMORY && mayBeFile ? await namelessFile(length) : undefined;
  return file === undefined ? new InMemory(length) : new InFile(file, length);
}

/** A file that is gone when it is closed, or with this process; undefined where none can be made. */
async function namelessFile(length: number): Promise<FileHandle | undefined> {
  const folder = process.env['TMPDIR'] ?? '/var/tmp';
  const path = join(folder, `.dmremap-${process.pid}-${files++}-${Date.now().toString(36)}.tmp`);
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    await unlink(path);
    await file.truncate(length);
    return file;
  } catch {
    return undefined;
  }
}

class InMemory implements KeptBytes {
  readonly device: MemoryDevice;

  constructor(length: number) {
    this.device = new MemoryDevice(new Uint8Array(length));
  }

  part(at: number, length: number): Uint8Array {
    return this.device.content.subarray(at, at + length);
  }

  async close(): Promise<void> {}
}

class InFile implements KeptBytes {
  readonly device: BlockDevice;
  readonly #file: FileHandle;

  constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.device = new FileBytes(file, bytes(length));
  }

  part(at: number, length: number): Uint8Array {
    const content = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file.fd, content, done, length - done, at + done);
      if (read === 0) throw new RangeError(`${length} bytes from ${at} are not there`);
      done += read;
    }
    return content;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** What is written to it is soon read again, by this process alone: nothing of it need be durable. */
class FileBytes implements BlockDevice {
  readonly name = 'temporary file';
  readonly logicalBlockSize = 512;
  readonly physicalBlockSize = 512;
  readonly writable = true;
  readonly size: Bytes;
  readonly #file: FileHandle;

  constructor(file: FileHandle, size: Bytes) {
    this.#file = file;
    this.size = size;
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    await this.#file.read(into, 0, into.length, at);
  }

  async write(at: Bytes, from: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < from.length; )
        done += (await this.#file.write(from, done, from.length - done, at + done)).bytesWritten;
    } catch (error) {
      throw new DmremapError('no-space', `data cannot be kept in a temporary file: ${errnoOf(error)}`, {
        cause: error,
        hint: 'nothing is changed; set TMPDIR to a folder with more room',
        data: { errno: errnoOf(error) },
      });
    }
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}
}
