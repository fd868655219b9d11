import type { Bytes } from '../units.js';

/** Bytes of a read that could not be had. Everything else of the request is there. */
export interface Lack {
  /** From the start of the request, in bytes; whole sectors of the device, cut off at the ends of the request. */
  readonly at: number;
  /** In bytes, not zero. */
  readonly length: number;
  /** The system's name of the failure, such as EIO. */
  readonly errno: string;
  /** What failed and where, for the log and for the client. */
  readonly text: string;
}

/** A request other than a read that was not carried out to its end. */
export class RequestFailed extends Error {
  /** The system's name of the failure, such as EIO or ENOSPC. */
  readonly errno: string;
  /** Where it failed, from the start of the request, in bytes; undefined where no place can be named. */
  readonly at: number | undefined;

  constructor(errno: string, text: string, at: number | undefined, cause?: unknown) {
    super(text, { cause });
    this.name = 'RequestFailed';
    this.errno = errno;
    this.at = at;
  }
}

/** Bytes in the same state. */
export interface ServedExtent {
  /** In bytes, not zero. */
  readonly length: number;
  readonly flags: number;
}

/** Flags of `allocation` extents, as the protocol numbers them. */
export const ALLOCATION_FLAG = {
  /** Nothing is allocated. */
  HOLE: 1 << 0,
  /** Reads as zero. */
  ZERO: 1 << 1,
} as const;

/** Flags of `sectors` extents; more than one may be set. */
export const SECTOR_FLAG = {
  /** Lives on the spare. */
  REMAPPED: 1 << 0,
  /** Could not be read; the next write moves it to the spare. */
  PENDING: 1 << 1,
  /** Lives on the spare, which does not have its data. */
  LOST: 1 << 2,
} as const;

export interface ZeroOptions {
  readonly fua: boolean;
  /** The space may be given back. */
  readonly mayPunch: boolean;
  /** Fails with ENOTSUP at once where writing zeros would be as fast. */
  readonly fast: boolean;
}

/**
 * A disk as those see it who serve it. Requests lie within its size and need not begin or end with a sector;
 * any number may be under way, and overlapping ones take effect one after the other. Buffers are lent until
 * the promise settles. Nothing rejects but with RequestFailed.
 */
export interface ServedDevice {
  /** A multiple of 512. */
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational: boolean;
  /** A power of two, at least 512: requests in multiples of it need no reading before writing. */
  readonly preferredBlock: Bytes;

  /**
   * Fills `into` at once, without waiting for any medium. False: nothing is said of its content, and read()
   * is to be asked. Try it first: it costs no turn of the event loop.
   */
  tryRead(at: Bytes, into: Uint8Array): boolean;
  /** Fills `into`; resolves to what it lacks, ascending, where `into` holds zeros. */
  read(at: Bytes, into: Uint8Array): Promise<readonly Lack[]>;

  /** As tryRead(): true when all of `from` is written as write() without `fua` does, else ask write(). */
  tryWrite(at: Bytes, from: Uint8Array): boolean;
  /** @param fua durable, with the remaps that it needs, when it resolves */
  write(at: Bytes, from: Uint8Array, fua: boolean): Promise<void>;
  /** Resolves when all that was answered before is durable, with the remaps that it needs. */
  flush(): Promise<void>;
  /** Nobody needs these bytes any more; what they read as afterwards is not said. */
  trim(at: Bytes, length: number, fua: boolean): Promise<void>;
  writeZeroes(at: Bytes, length: number, options: ZeroOptions): Promise<void>;
  /** These bytes will be read soon. Resolves when that was asked for; never fails for what cannot be read. */
  cache(at: Bytes, length: number): Promise<void>;

  /** Holes and zeros from `at` on, with ALLOCATION_FLAG; may end before `length` or after it, never empty. */
  allocation(at: Bytes, length: number): Promise<readonly ServedExtent[]>;
  /** How sectors fare from `at` on, with SECTOR_FLAG; may end before `length`, never empty. */
  sectors(at: Bytes, length: number): readonly ServedExtent[];
}
