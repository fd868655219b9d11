import { readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { addressOf } from './address.js';
import { type NativeFunction, type NativeLibrary, nativeLibrary } from './syscalls.js';

/**
 * Bytes that are moved before the call returns. The C library is called past Node, whose own way takes as long
 * as the system call; where it cannot be called, Node moves them.
 */

/** Do not wait for a medium (preadv2(2)). */
const RWF_NOWAIT = 8;

/** Do not wait for room, and raise no signal where nobody reads any more (send(2)). */
const [MSG_DONTWAIT, MSG_NOSIGNAL] = [0x40, 0x4000];

/** What a socket answers that has no room now, or nothing to read. */
const FULL: readonly number[] = [constants.errno.EAGAIN, constants.errno.ENOBUFS, constants.errno.EINTR];

interface Calls {
  readonly errno: NativeLibrary['errno'];
  readonly pread: NativeFunction;
  readonly pwrite: NativeFunction;
  readonly preadv2: NativeFunction;
  readonly send: NativeFunction;
  readonly sendmsg: NativeFunction;
  readonly recv: NativeFunction;
}

let calls: Calls | undefined;
let isLooked = false;

/** Vectors that one call takes at most (IOV_MAX). */
const MOST_VECTORS = 1024;

/** Words of 32 bits in a struct iovec: where the memory begins, and its length. */
const VECTOR_WORDS = 4;

const TWO_32 = 2 ** 32;

/** Pieces of memory that one call fills one after the other. */
export class IoVectors {
  readonly words: Uint32Array;
  #count = 0;

  constructor(most = MOST_VECTORS) {
    // so large at least that it does not move
    this.words = new Uint32Array(Math.max(most, 8) * VECTOR_WORDS);
  }

  hasRoom(more: number): boolean {
    return (this.#count + more) * VECTOR_WORDS <= this.words.length;
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  /** False where the C library cannot be called. */
  put(memory: Uint8Array, from: number, length: number): boolean {
    const start = addressOf(memory);
    if (start === undefined) return false;
    const word = VECTOR_WORDS * this.#count++;
    const address = start + from;
    this.words[word] = address % TWO_32;
    this.words[word + 1] = address / TWO_32;
    this.words[word + 2] = length;
    return true;
  }
}

const oneVector = new IoVectors(1);

/** Fills `length` bytes of `into` from byte `from` on; false where not all of them could be read. */
export function readNow(fd: number, into: Uint8Array, from: number, length: number, at: number): boolean {
  const [pread, start] = [load()?.pread, addressOf(into)];
  if (pread === undefined || start === undefined) return isWhole(readSync, fd, into, from, length, at);
  return pread(fd, start + from, length, at) === length;
}

/** Writes `length` bytes of `source` from byte `from` on; false where not all of them could be written. */
export function writeNow(fd: number, source: Uint8Array, from: number, length: number, at: number): boolean {
  const [pwrite, start] = [load()?.pwrite, addressOf(source)];
  if (pwrite === undefined || start === undefined) return isWhole(writeSync, fd, source, from, length, at);
  return pwrite(fd, start + from, length, at) === length;
}

/** Hands bytes to a socket that does not wait; returns how many it took, none too where it has failed. */
export function sendNow(fd: number, source: Uint8Array): number {
  return trySend(fd, source) ?? 0;
}

/** The same; undefined where it has failed: it will take nothing later either. */
export function trySend(fd: number, source: Uint8Array): number | undefined {
  const [known, start] = [load(), addressOf(source)];
  if (known === undefined || start === undefined) return 0;
  const sent = Number(known.send(fd, start, source.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  if (sent >= 0) return sent;
  return FULL.includes(known.errno()) ? 0 : undefined;
}

/** Words of 32 bits in a struct msghdr where its vectors are named, and how many they are; all others are zero. */
const [MESSAGE_VECTORS, MESSAGE_COUNT] = [4, 6];

/** So large that it does not move. */
const message = new Uint32Array(32);

const pieces = new IoVectors();

/** As sendNow(), for pieces one behind the other; returns how many bytes the socket took. */
export function sendPiecesNow(fd: number, sources: readonly Uint8Array[]): number {
  const known = load();
  const vectors = known === undefined ? undefined : addressOf(pieces.words);
  if (known === undefined || vectors === undefined) return 0;
  pieces.clear();
  for (const source of sources) {
    if (!pieces.hasRoom(1)) break;
    pieces.put(source, 0, source.length);
  }
  message[MESSAGE_VECTORS] = vectors % TWO_32;
  message[MESSAGE_VECTORS + 1] = vectors / TWO_32;
  message[MESSAGE_COUNT] = pieces.count;
  return Math.max(0, Number(known.sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL)));
}

/**
 * Takes what has come to a socket; returns how many bytes: none too where its stream has ended. Where it has
 * failed, which a socket tells once, the negative number of the error.
 */
export function receiveNow(fd: number, into: Uint8Array): number {
  const [known, start] = [load(), addressOf(into)];
  if (known === undefined || start === undefined) return 0;
  const received = Number(known.recv(fd, start, into.length, MSG_DONTWAIT));
  if (received >= 0) return received;
  const errno = known.errno();
  return FULL.includes(errno) ? 0 : -errno;
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
  oneVector.clear();
  if (!oneVector.put(into, from, length)) return undefined;
  const count = readVectors(fd, oneVector, 0, 1, at, false);
  return count === undefined ? undefined : count === length;
}

/**
 * Fills `count` vectors from the one at `first` on with what lies from `at` on, as readNow() does or, unless
 * `mayWait`, readCached(); returns how many bytes were read, none too where that has failed. Undefined where it
 * cannot be asked.
 */
export function readVectors(
  fd: number,
  { words }: IoVectors,
  first: number,
  count: number,
  at: number,
  mayWait: boolean,
): number | undefined {
  const known = load();
  const start = known === undefined ? undefined : addressOf(words);
  if (known === undefined || start === undefined) return undefined;
  const vectors = start + first * VECTOR_WORDS * words.BYTES_PER_ELEMENT;
  const moved = Number(known.preadv2(fd, vectors, count, at, mayWait ? 0 : RWF_NOWAIT));
  if (moved < 0 && known.errno() === constants.errno.EOPNOTSUPP) return undefined;
  return Math.max(0, moved);
}

function load(): Calls | undefined {
  if (isLooked) return calls;
  isLooked = true;
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  calls = {
    errno: library.errno,
    pread: library.func('int64_t pread(int fd, uintptr_t into, size_t length, int64_t offset)'),
    pwrite: library.func('int64_t pwrite(int fd, uintptr_t from, size_t length, int64_t offset)'),
    preadv2: library.func('int64_t preadv2(int fd, uintptr_t vectors, int count, int64_t offset, int flags)'),
    send: library.func('int64_t send(int fd, uintptr_t from, size_t length, int flags)'),
    sendmsg: library.func('int64_t sendmsg(int fd, void *message, int flags)'),
    recv: library.func('int64_t recv(int fd, uintptr_t into, size_t length, int flags)'),
  };
  return calls;
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
