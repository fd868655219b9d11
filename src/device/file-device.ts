import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE } from '../units.js';
import type { BlockDevice } from './block-device.js';
import type { DirectReader } from './direct-reader.js';
import type { KnowsHoles } from './holes.js';
import type { ReadsPastCache } from './past-cache.js';

/** What a FileDevice needs of an open file: FileHandle is one, scratch-device.ts makes one of any device. */
export interface OpenFile {
  /** For system calls; undefined where the system knows nothing of the file, and so caches nothing of it. */
  readonly fd: number | undefined;
  read(into: Uint8Array, from: number, length: number, at: number): Promise<{ readonly bytesRead: number }>;
  write(
    bytes: Uint8Array,
    from: number,
    length: number,
    at: number,
  ): Promise<{ readonly bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What openDevice found out about a file or block device. */
export interface FileDeviceFacts {
  /** As the user named it. */
  readonly path: string;
  /** With every symbolic link followed. */
  readonly realPath: string;
  readonly kind: 'image' | 'block';
  /** "MAJ:MIN" of a block device, undefined for an image. */
  readonly deviceNumber: string | undefined;
  /** File system and inode number of what was opened: an image's identity while the machine runs. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: Bytes;
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  /** Undefined where the system does not say (images). */
  readonly rotational: boolean | undefined;
  readonly writable: boolean;
  /** Why an exclusively opened device carries no lock that others could see; undefined when it does, or was opened to read. */
  readonly unlocked: string | undefined;
}

/** The system's name of an error, such as EIO. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EIO';
}

/** An image file or a block device, through the page cache. Opened by openDevice() in open.ts. */
export class FileDevice implements BlockDevice, ReadsPastCache, KnowsHoles {
  readonly name: string;
  readonly path: string;
  readonly realPath: string;
  readonly kind: 'image' | 'block';
  readonly deviceNumber: string | undefined;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: Bytes;
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  readonly rotational: boolean | undefined;
  readonly writable: boolean;
  readonly unlocked: string | undefined;
  private readonly handle: OpenFile;
  private direct: Promise<DirectReader | undefined> | undefined;
  private closed: Promise<void> | undefined;

  constructor(handle: OpenFile, facts: FileDeviceFacts) {
    this.handle = handle;
    this.name = facts.path;
    this.path = facts.path;
    this.realPath = facts.realPath;
    this.kind = facts.kind;
    this.deviceNumber = facts.deviceNumber;
    this.dev = facts.dev;
    this.ino = facts.ino;
    this.size = facts.size;
    this.logicalBlockSize = facts.logicalBlockSize;
    this.physicalBlockSize = facts.physicalBlockSize;
    this.rotational = facts.rotational;
    this.writable = facts.writable;
    this.unlocked = facts.unlocked;
  }

  /** For system calls; undefined where the system knows nothing of the file. */
  get fd(): number | undefined {
    return this.handle.fd;
  }

  /** The same under every name of one file or device while the machine runs. */
  get key(): string {
    return this.deviceNumber ?? `${this.dev}:${this.ino}`;
  }

  get failsInPages(): boolean {
    return true;
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    this.checkRange('read', at, into.length, 'EINVAL');
    for (let done = 0; done < into.length; ) {
      let count: number;
      try {
        ({ bytesRead: count } = await this.handle.read(into, done, into.length - done, at + done));
      } catch (error) {
        throw this.failure('read', errnoOf(error), at + done, error);
      }
      // The end of the file below the size it was opened with: the place is no longer there.
      if (count === 0) throw this.failure('read', 'ENXIO', at + done, undefined, 'it has become shorter');
      done += count;
    }
  }

  async write(at: Bytes, from: Uint8Array): Promise<void> {
    if (!this.writable) throw this.failure('write', 'EBADF', at, undefined, 'it was opened to be read only');
    this.checkRange('write', at, from.length, 'ENOSPC');
    for (let done = 0; done < from.length; ) {
      try {
        const { bytesWritten } = await this.handle.write(from, done, from.length - done, at + done);
        done += bytesWritten;
      } catch (error) {
        throw this.failure('write', errnoOf(error), at + done, error);
      }
    }
  }

  async flush(): Promise<void> {
    try {
      await this.handle.sync();
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      throw new DeviceError(this.name, 'flush', errnoOf(error), undefined, { cause: error });
    }
  }

  /** Lets go of locks too. Requests under way are finished first. */
  close(): Promise<void> {
    this.closed ??= (async () => {
      const direct = await this.direct;
      await direct?.close();
      await this.handle.close();
    })();
    return this.closed;
  }

  async readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    this.checkRange('read', at, into.length, 'EINVAL');
    this.direct ??= this.openDirect();
    const direct = await this.direct;
    if (direct !== undefined) {
      try {
        if (await direct.read(at, into)) return true;
      } catch (error) {
        throw this.failure('read', errnoOf(error), at, error);
      }
    }
    const forgotten = await this.invalidate(at, bytes(into.length));
    await this.read(at, into);
    return forgotten;
  }

  /**
   * Asks the system to drop `length` cached bytes from `at`, so that the next read comes from the medium. Pages
   * that are in use may stay; false where nothing could be asked. Written data is made durable first.
   */
  async invalidate(at: Bytes, length: Bytes): Promise<boolean> {
    if (this.writable) await this.flush();
    const { fd } = this.handle;
    if (fd === undefined) return false;
    const { forgetCache } = await import('./syscalls.js');
    return forgetCache(fd, at, length);
  }

  /**
   * The first byte at or after `at` that does not lie in a hole, or the size if only holes follow: what is
   * skipped reads as zero. Answers `at` itself where holes are unknown, as on block devices.
   */
  async nextData(at: Bytes): Promise<Bytes> {
    const { fd } = this.handle;
    if (this.kind === 'block' || fd === undefined) return at;
    const { nextData } = await import('./syscalls.js');
    const found = nextData(fd, at);
    if (found === 'none') return this.size;
    return found === undefined ? at : bytes(Math.min(found, this.size));
  }

  /** The first byte at or after `at` that lies in a hole; the size where there are none, or none are known. */
  async nextHole(at: Bytes): Promise<Bytes> {
    const { fd } = this.handle;
    if (this.kind === 'block' || fd === undefined) return this.size;
    const { nextHole } = await import('./syscalls.js');
    const found = nextHole(fd, at);
    return typeof found === 'number' ? bytes(Math.min(found, this.size)) : this.size;
  }

  private async openDirect(): Promise<DirectReader | undefined> {
    const { fd } = this.handle;
    if (fd === undefined) return undefined;
    const { DirectReader } = await import('./direct-reader.js');
    // An image's file system may want more than 512; the reader finds out.
    return DirectReader.open(fd, this.logicalBlockSize);
  }

  private checkRange(operation: 'read' | 'write', at: number, length: number, past: string): void {
    const whole = at % SECTOR_SIZE === 0 && length % SECTOR_SIZE === 0 && at >= 0;
    if (!whole) throw this.failure(operation, 'EINVAL', at, undefined, 'the request is not in whole sectors');
    if (at + length > this.size) {
      throw this.failure(operation, past, at, undefined, `the device ends at byte ${this.size}`);
    }
  }

  private failure(
    operation: 'read' | 'write',
    errno: string,
    at: number,
    cause: unknown,
    hint?: string,
  ): DeviceError {
    if (cause instanceof DeviceError) return cause;
    return new DeviceError(this.name, operation, errno, bytesToSectors(at), {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
