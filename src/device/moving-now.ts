import { readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { type NativeFunction, type NativeLibrary, nativeLibrary } from './syscalls.js';

/**
 * Bytes that are moved before the call returns. The C library is called past Node, whose own way takes as long
 * as the system call; where it cannot be called, Node moves them.
 */

/** Do not wait for a medium (preadv2(2)). */
const RWF_NOWAIT = 8;

interface Calls {
  readonly library: NativeLibrary;
  readonly pread: NativeFunction;
  readonly pwrite: NativeFunction;
  readonly preadv2: NativeFunction;
}

let calls: Calls | undefined;
let isLooked = false;

/** By memory: asking for it costs as much as a short call. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/** struct iovec: where the memory begins, and its length. */
const vector = new BigUint64Array(2);

/** Fills `length` bytes of `into` from byte `from` on; false where not all of them could be read. */
export function readNow(fd: number, into: Uint8Array, from: number, length: number, at: number): boolean {
  const { pread, library } = load() ?? {};
  if (pread === undefined || library === undefined) return isWhole(readSync, fd, into, from, length, at);
  return pread(fd, addressOf(library, into) + from, length, at) === length;
}

/** Writes `length` bytes of `source` from byte `from` on; false where not all of them could be written. */
export function writeNow(fd: number, source: Uint8Array, from: number, length: number, at: number): boolean {
  const { pwrite, library } = load() ?? {};
  if (pwrite === undefined || library === undefined) return isWhole(writeSync, fd, source, from, length, at);
  return pwrite(fd, addressOf(library, source) + from, length, at) === length;
}

/**
 * As readNow(), if that waits for nothing: the page cache has it. False where it has not; undefined where it
 * cannot be asked.
 */
export function readCached(
  fd: number,
  into: Uint8Array,
  from: number,
  length: number,
  at: number,
): boolean | undefined {
  const { preadv2, library } = load() ?? {};
  if (preadv2 === undefined || library === undefined) return undefined;
  vector[0] = BigInt(addressOf(library, into) + from);
  vector[1] = BigInt(length);
  const count = Number(preadv2(fd, vector, 1, at, RWF_NOWAIT));
  if (count < 0 && library.errno() === constants.errno.EOPNOTSUPP) return undefined;
  return count === length;
}

function load(): Calls | undefined {
  if (isLooked) return calls;
  isLooked = true;
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  // addresses are numbers: those of a process are far below 2^53
  calls = {
    library,
    pread: library.func('int64_t pread(int fd, uintptr_t into, size_t length, int64_t offset)'),
    pwrite: library.func('int64_t pwrite(int fd, uintptr_t from, size_t length, int64_t offset)'),
    preadv2: library.func('int64_t preadv2(int fd, void *vector, int count, int64_t offset, int flags)'),
  };
  return calls;
}

/** Where an array of at least 65 bytes begins: that memory does not move. */
function addressOf(library: NativeLibrary, array: Uint8Array): number {
  const { buffer, byteOffset } = array;
  let start = addresses.get(buffer);
  if (start === undefined) {
    start = Number(library.addressOf(array)) - byteOffset;
    addresses.set(buffer, start);
  }
  return start + byteOffset;
}

function isWhole(
  move: (fd: number, memory: Uint8Array, from: number, length: number, at: number) => number,
  fd: number,
  memory: Uint8Array,
  from: number,
  length: number,
  at: number,
): boolean {
  try {
    return move(fd, memory, from, length, at) === length;
  } catch {
    return false;
  }
}
