import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { roundDown, roundUp } from '../units.js';
import { alignedBuffer } from './aligned.js';

/** Bytes asked for at once. */
const PIECE = 1 << 20;

/** What no file system or disk asks more than. */
const PAGE = 4096;

/** Reads around the page cache: a second, read-only descriptor of an open file with O_DIRECT. */
export class DirectReader {
  private readonly handle: FileHandle;
  private readonly buffer: Uint8Array;
  private unit: number;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(handle: FileHandle, unit: number) {
    this.handle = handle;
    this.unit = unit;
    this.buffer = alignedBuffer(PIECE);
  }

  /** Undefined where the file system has no direct I/O. `unit`: the logical block size in bytes. */
  static async open(fd: number, unit: number): Promise<DirectReader | undefined> {
    try {
      // Through /proc, so that it is the same file whatever its path means by now.
      const handle = await open(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_DIRECT);
      return new DirectReader(handle, unit);
    } catch {
      return undefined;
    }
  }

  /**
   * Fills `into` from the byte offset `at`. False, with nothing said of the content, where this place cannot be
   * read directly; throws the system's error where the medium fails. One request at a time: there is one buffer.
   */
  read(at: number, into: Uint8Array): Promise<boolean> {
    const turn = this.last.then(() => this.readNow(at, into));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.last;
    await this.handle.close();
  }

  private async readNow(at: number, into: Uint8Array): Promise<boolean> {
    for (let done = 0; done < into.length; ) {
      const from = roundDown(at + done, this.unit);
      const length = Math.min(PIECE, roundUp(at + into.length, this.unit) - from);
      let count: number;
      try {
        ({ bytesRead: count } = await this.handle.read(this.buffer, 0, length, from));
      } catch (error) {
        const refused = error instanceof Error && 'code' in error && error.code === 'EINVAL';
        if (!refused) throw error;
        if (this.unit >= PAGE) return false;
        this.unit = PAGE; // a file system on a 4Kn disk
        continue;
      }
      const skip = at + done - from;
      if (count <= skip) return false; // the end of the file, or a file system that reads short
      const part = this.buffer.subarray(skip, Math.min(count, skip + into.length - done));
      into.set(part, done);
      done += part.length;
    }
    return true;
  }
}
