import { closeSync } from 'node:fs';
import type { NativeFunction, NativeLibrary } from './syscalls.js';

/** The two queues that a ring shares with the kernel (io_uring(7)). */

/** Numbers of the system calls, the same on every processor that syscalls.ts knows. */
const CALL = { setup: 425, enter: 426, register: 427 } as const;
const SETUP_CQSIZE = 1 << 3;
/** Came with Linux 5.19: what has come to its end waits for our next system call, rather than to interrupt us. */
const SETUP_COOP_TASKRUN = 1 << 8;
/** Came with Linux 5.6, as reading without a vector did. */
const FEATURE_RW_CUR_POS = 1 << 3;
const REGISTER_EVENTFD = 4;
const REGISTER_WORKERS = 19;
/** In the flags of the completion queue: the bell is not rung. */
const BELL_DISABLED = 1;
const OFFSET_OF_ENTRIES = 0x10000000;
const [PROT_READ_WRITE, MAP_SHARED_POPULATE] = [3, 0x8001];
const MAP_FAILED = 2n ** 64n - 1n;
const EINTR = 4;
const TWO_32 = 2 ** 32;

/** Requests handed over at a time. */
const ENTRIES = 256;
/** Threads that the kernel may start, one for each request that waits in a way that needs one. */
const WORKERS = 2048;
/** Words of 32 bits in one entry of either queue. */
const [SUBMISSION_WORDS, COMPLETION_WORDS] = [16, 4];

/** What a request asks for. */
export interface Order {
  /** IORING_OP_*. */
  readonly operation: number;
  readonly fd: number;
  /** What stands in `addr`, as `length` in `len`, `at` in `off`. */
  readonly address: number;
  readonly length: number;
  readonly at: number;
  readonly flags: number;
}

/** Where words lie in the shared memory, as its numbers. */
interface Places {
  readonly submitTail: number;
  readonly submitMask: number;
  readonly submitArray: number;
  readonly completeHead: number;
  readonly completeTail: number;
  readonly completeMask: number;
  readonly completions: number;
  readonly completeFlags: number;
}

export class UringQueues {
  readonly #library: NativeLibrary;
  readonly #enter: NativeFunction;
  readonly #fd: number;
  readonly #words: Uint32Array;
  readonly #entries: Uint32Array;
  readonly #places: Places;
  /** In the queue, but not yet handed over. */
  #fresh = 0;

  /**
   * @param most requests that may be under way
   * @throws Error where the kernel refuses
   */
  constructor(library: NativeLibrary, most: number) {
    this.#library = library;
    this.#enter = library.func(
      'int64_t syscall(int64_t number, int fd, uint32_t submit, uint32_t wait, uint32_t flags, void *arg, size_t size)',
    );
    const { fd, parameters } =
      setUp(library, most, SETUP_COOP_TASKRUN) ?? setUp(library, most, 0) ?? refused();
    this.#fd = fd;
    // words 10 to 19 are offsets in the submission queue, 20 to 29 in the completion queue
    const word = (index: number): number => parameters[index] ?? 0;
    const mapped = (length: number, offset: number): Uint32Array =>
      mapShared(library, fd, length, offset) ?? this.#refuse();
    if ((word(5) & FEATURE_RW_CUR_POS) === 0) this.#refuse();
    const length = Math.max(word(16) + word(0) * 4, word(25) + word(1) * COMPLETION_WORDS * 4);
    this.#words = mapped(length, 0);
    this.#entries = mapped(word(0) * SUBMISSION_WORDS * 4, OFFSET_OF_ENTRIES);
    this.#places = {
      submitTail: word(11) / 4,
      submitMask: this.#word(word(12) / 4),
      submitArray: word(16) / 4,
      completeHead: word(20) / 4,
      completeTail: word(21) / 4,
      completeMask: this.#word(word(22) / 4),
      completions: word(25) / 4,
      completeFlags: word(26) / 4,
    };
    this.#register(REGISTER_WORKERS, new Uint32Array([WORKERS, WORKERS]), 2);
  }

  /**
   * From now on completions ring this eventfd, but for those that are there when handOver() returns.
   *
   * @throws Error where the kernel refuses
   */
  ring(eventfd: number): void {
    if (!this.#register(REGISTER_EVENTFD, new Int32Array([eventfd]), 1)) refused();
  }

  /** Nobody uses it any more, nor will. */
  close(): void {
    closeSync(this.#fd);
  }

  #refuse(): never {
    this.close();
    return refused();
  }

  /** No more can be put before some of it was handed over. */
  get isFull(): boolean {
    return this.#fresh === ENTRIES;
  }

  /** @param number comes back with what has become of it */
  put(number: number, { operation, fd, address, length, at, flags }: Order): void {
    const { submitTail, submitMask, submitArray } = this.#places;
    const tail = this.#word(submitTail);
    const index = tail & submitMask;
    const first = index * SUBMISSION_WORDS;
    const words = this.#entries;
    words.fill(0, first, first + SUBMISSION_WORDS);
    words[first] = operation;
    words[first + 1] = fd;
    words[first + 2] = at % TWO_32;
    words[first + 3] = Math.floor(at / TWO_32);
    words[first + 4] = address % TWO_32;
    words[first + 5] = Math.floor(address / TWO_32);
    words[first + 6] = length;
    words[first + 7] = flags;
    words[first + 8] = number;
    this.#words[submitArray + index] = index;
    Atomics.store(this.#words, submitTail, tail + 1);
    this.#fresh++;
  }

  /**
   * Hands over what was put, with one call; false where the kernel does not take it all: it is out of memory for
   * now, or wants completions to be taken first.
   */
  handOver(): boolean {
    const { completeFlags } = this.#places;
    Atomics.store(this.#words, completeFlags, BELL_DISABLED);
    let isTaken = true;
    while (this.#fresh > 0 && isTaken) {
      const count = Number(this.#enter(CALL.enter, this.#fd, this.#fresh, 0, 0, null, 0));
      if (count > 0) this.#fresh -= count;
      else isTaken = count < 0 && this.#library.errno() === EINTR;
    }
    // from here on the bell is rung: whoever takes what is there now, and then waits for it, misses nothing
    Atomics.store(this.#words, completeFlags, 0);
    return isTaken;
  }

  /** Calls this for each request that has come to its end, with its number and the result. */
  take(ended: (number: number, result: number) => void): void {
    const { completeHead, completeTail, completeMask, completions } = this.#places;
    let head = this.#word(completeHead);
    while (head !== Atomics.load(this.#words, completeTail)) {
      const completion = completions + (head & completeMask) * COMPLETION_WORDS;
      const number = this.#word(completion);
      const result = this.#word(completion + 2) | 0;
      head = (head + 1) >>> 0;
      Atomics.store(this.#words, completeHead, head);
      ended(number, result);
    }
  }

  #word(index: number): number {
    return this.#words[index] ?? 0;
  }

  /** False where the kernel does not know this. */
  #register(operation: number, argument: ArrayBufferView, count: number): boolean {
    const register = this.#library.func(
      'int64_t syscall(int64_t number, int fd, uint32_t operation, void *argument, uint32_t count)',
    );
    return Number(register(CALL.register, this.#fd, operation, argument, count)) >= 0;
  }
}

/** A ring, and struct io_uring_params as the kernel has filled it in; undefined where it refuses. */
function setUp(
  library: NativeLibrary,
  most: number,
  flags: number,
): { readonly fd: number; readonly parameters: Uint32Array } | undefined {
  const setup = library.func('int64_t syscall(int64_t number, uint32_t entries, void *parameters)');
  const parameters = new Uint32Array(30);
  parameters[1] = most;
  parameters[2] = SETUP_CQSIZE | flags;
  const fd = Number(setup(CALL.setup, ENTRIES, parameters));
  return fd < 0 ? undefined : { fd, parameters };
}

/** Memory shared with the kernel, in bytes; undefined where it refuses. */
function mapShared(
  library: NativeLibrary,
  fd: number,
  length: number,
  offset: number,
): Uint32Array | undefined {
  const map = library.func(
    'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  );
  const pointer = map(null, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset);
  return pointer === MAP_FAILED ? undefined : new Uint32Array(library.view(pointer, length));
}

function refused(): never {
  throw new Error('no ring');
}
