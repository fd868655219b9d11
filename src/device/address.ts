import { nativeLibrary } from './syscalls.js';

/** By memory: asking for it costs as much as a short system call. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/**
 * Where an array begins in memory, which does not move: a number far below 2^53. Undefined where the C library
 * cannot be called.
 */
export function addressOf({ buffer, byteOffset }: Uint8Array | Uint32Array): number | undefined {
  let start = addresses.get(buffer);
  if (start === undefined) {
    const library = nativeLibrary();
    if (library === undefined) return undefined;
    start = Number(library.addressOf(new Uint8Array(buffer)));
    addresses.set(buffer, start);
  }
  return start + byteOffset;
}
