import type { Part } from './parts.js';

/**
 * Requests to the system of which any number may be under way. Each resolves to the bytes that were moved, or
 * to the number of an error below zero; none rejects. Buffers must stay as they are until then.
 */
export interface AsyncIo {
  /** Fills `into`, or its beginning, from a byte offset of an open file. */
  read(fd: number, into: Uint8Array, at: number): Promise<number>;
  write(fd: number, from: Uint8Array, at: number): Promise<number>;
  /** The same for parts of `into`: resolves, once all have come to their end, to what became of each. */
  readParts(fd: number, into: Uint8Array, parts: readonly Part[]): Promise<readonly number[]>;
  writeParts(fd: number, from: Uint8Array, parts: readonly Part[]): Promise<readonly number[]>;
  /** Makes durable what was written, with what is needed to find it again. */
  sync(fd: number): Promise<number>;
  /** fallocate(2): `mode` of FALLOCATE. */
  allocate(fd: number, mode: number, at: number, length: number): Promise<number>;
}

/** Bits of fallocate's mode. */
export const FALLOCATE = { KEEP_SIZE: 0x01, PUNCH_HOLE: 0x02, ZERO_RANGE: 0x10 } as const;
