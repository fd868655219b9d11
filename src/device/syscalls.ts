/**
 * The system calls that Node lacks, through koffi; uring-queues.ts, bell.ts and moving-now.ts have some of their
 * own. It is loaded at the first call, because loading it costs more than reading a whole spare. Where it cannot
 * be loaded (a processor without a prebuilt library, a stripped installation) every call says 'unavailable':
 *
 * - lock: images carry no lock, so two writers are kept apart only by what /proc/locks says of others;
 * - forgetCache: a verifying read may be answered from memory (O_DIRECT, which needs no koffi, still works);
 * - nextData: holes are read as zeros instead of being skipped, which takes longer;
 * - endOf: a block device's size must come from sysfs;
 * - readCached (moving-now.ts): what the page cache holds is read by a request like any other;
 * - exitNow: the process ends only when the last request to a stuck disk does.
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';

export type NativeFunction = (...args: readonly unknown[]) => unknown;

/** What this program uses of koffi. */
export interface NativeLibrary {
  /** @param prototype as in C */
  func(prototype: string): NativeFunction;
  /** The number of the error of the last call. */
  errno(): number;
  /** Where the memory begins. It must not be that of an array of less than 65 bytes, which can move. */
  addressOf(memory: ArrayBufferView): bigint;
  /** Memory that a call has returned the address of. */
  view(pointer: unknown, length: number): ArrayBuffer;
}

interface Koffi {
  load(path: string | null): Pick<NativeLibrary, 'func'>;
  errno(): number;
  address(memory: ArrayBufferView): bigint;
  view(pointer: unknown, length: number): ArrayBuffer;
}

interface Native {
  readonly fcntl: NativeFunction;
  readonly lseek: NativeFunction;
  readonly fadvise: NativeFunction;
  readonly exit: NativeFunction;
  readonly errno: () => number;
}

/** Little-endian 64-bit processors that share the generic struct flock and fcntl numbers. */
const PROCESSORS: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];

const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const FLOCK_BYTES = 32;
const POSIX_FADV_DONTNEED = 4;
const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

let library: NativeLibrary | undefined;
let native: Native | undefined;
let looked = false;

/** The C library; undefined where it cannot be called. */
export function nativeLibrary(): NativeLibrary | undefined {
  load();
  return library;
}

function load(): Native | undefined {
  if (looked) return native;
  looked = true;
  if (process.platform !== 'linux' || !PROCESSORS.includes(process.arch)) return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const loaded = koffi.load(null);
    library = {
      func: (prototype) => loaded.func(prototype),
      errno: () => koffi.errno(),
      addressOf: (memory) => koffi.address(memory),
      view: (pointer, length) => koffi.view(pointer, length),
    };
    native = {
      fcntl: library.func('int fcntl(int fd, int command, ...)'),
      lseek: library.func('int64_t lseek(int fd, int64_t offset, int whence)'),
      fadvise: library.func('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)'),
      exit: library.func('void _exit(int code)'),
      errno: library.errno,
    };
  } catch {
    library = undefined;
    native = undefined;
  }
  return native;
}

/** The name for an error number; EAGAIN goes before its twin EWOULDBLOCK. */
export function errnoName(number: number): string {
  if (number === constants.errno.EAGAIN) return 'EAGAIN';
  for (const [name, value] of Object.entries(constants.errno)) if (value === number) return name;
  return `errno ${number}`;
}

/** What became of a lock; why there can be none here is a sentence's end, such as "the system answers ENOLCK". */
export type LockResult =
  | { readonly kind: 'held' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unavailable'; readonly why: string };

/**
 * Takes an open-file-description write lock over the whole of an open file, without waiting. It belongs to
 * the descriptor: other descriptors of this very process conflict too, and closing it (or dying) releases it.
 */
export function lockWhole(fd: number): LockResult {
  const calls = load();
  if (calls === undefined) return { kind: 'unavailable', why: 'koffi cannot be loaded here' };
  const flock = new Uint8Array(FLOCK_BYTES); // l_whence, l_start, l_len = 0: from the start, however long
  new DataView(flock.buffer).setInt16(0, F_WRLCK, true);
  if (calls.fcntl(fd, F_OFD_SETLK, 'void *', flock) === 0) return { kind: 'held' };
  const errno = errnoName(calls.errno());
  if (errno === 'EAGAIN' || errno === 'EACCES') return { kind: 'conflict' };
  return { kind: 'unavailable', why: `the system answers ${errno}` };
}

/**
 * Asks the kernel to forget clean cached pages of a range; the caller has flushed. False where it could not
 * be asked. The kernel may keep pages that are in use, so O_DIRECT is the better proof (direct-reader.ts).
 */
export function forgetCache(fd: number, at: number, length: number): boolean {
  return load()?.fadvise(fd, at, length, POSIX_FADV_DONTNEED) === 0;
}

/** The offset in bytes of the first byte at or after `at` that is not in a hole; undefined when it cannot be told. */
export function nextData(fd: number, at: number): number | 'none' | undefined {
  return seek(fd, at, SEEK_DATA);
}

/** The same for the first byte that is in a hole: the end of a file counts as one. */
export function nextHole(fd: number, at: number): number | 'none' | undefined {
  return seek(fd, at, SEEK_HOLE);
}

function seek(fd: number, at: number, whence: number): number | 'none' | undefined {
  const calls = load();
  if (calls === undefined) return undefined;
  const found = Number(calls.lseek(fd, at, whence));
  if (found >= 0) return found;
  return errnoName(calls.errno()) === 'ENXIO' ? 'none' : undefined;
}

/** The length in bytes of what is open, block devices too; undefined when it cannot be told. */
export function endOf(fd: number): number | undefined {
  const found = Number(load()?.lseek(fd, 0, SEEK_END) ?? -1);
  return found >= 0 ? found : undefined;
}

/**
 * Ends the process at once, without waiting for the threads that Node waits for. Returns where that cannot be
 * done here.
 */
export function exitNow(code: number): void {
  load()?.exit(code);
}
