import { addressOf } from './address.js';
import type { AsyncIo } from './async-io.js';
import { Bell } from './bell.js';
import { type NativeFunction, type NativeLibrary, nativeLibrary } from './syscalls.js';

/**
 * io_uring: requests to the kernel through a ring in shared memory. A request that hangs holds no thread of
 * ours, many are handed over with one call, and what the page cache has is there when that call returns.
 */

/** Numbers of the system calls, the same on every processor that syscalls.ts knows. */
const CALL = { setup: 425, enter: 426, register: 427 } as const;
const OPERATION = { fsync: 3, fallocate: 17, read: 22, write: 23 } as const;
const FSYNC_DATASYNC = 1;
const SETUP_CQSIZE = 1 << 3;
/** Came with Linux 5.19: what has come to its end waits for our next system call, rather than to interrupt us. */
const SETUP_COOP_TASKRUN = 1 << 8;
/** Came with Linux 5.6, as reading without a vector did. */
const FEATURE_RW_CUR_POS = 1 << 3;
const REGISTER_EVENTFD = 4;
const REGISTER_WORKERS = 19;
/** In the flags of the completion ring: the bell is not rung. */
const BELL_DISABLED = 1;
const OFFSET_OF_ENTRIES = 0x10000000;
const [PROT_READ_WRITE, MAP_SHARED_POPULATE] = [3, 0x8001];
const EINTR = 4;
const TWO_32 = 2 ** 32;

/** Requests handed over at a time. */
const ENTRIES = 256;
/** Requests under way; more of them wait. */
const MOST = 4096;
/** Threads that the kernel may start, one for each request that waits in a way that needs one. */
const WORKERS = 2048;
/** Words of 32 bits in one entry of either queue. */
const [SUBMISSION_WORDS, COMPLETION_WORDS] = [16, 4];

/** What stands in an entry, and who waits for what comes of it. Of one shape whatever is asked for. */
class Waiting {
  /** Resolves to the result. */
  readonly ended: Promise<number>;
  done!: (result: number) => void;

  /**
   * @param memory the request's, which must not be collected before the kernel is done with it
   * @param address what stands in `addr`, as `length` in `len`, `at` in `off`
   */
  constructor(
    readonly operation: number,
    readonly fd: number,
    readonly memory: Uint8Array | undefined,
    readonly address: number,
    readonly length: number,
    readonly at: number,
    readonly flags: number,
  ) {
    this.ended = new Promise((resolve) => {
      this.done = resolve;
    });
  }
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

class Ring implements AsyncIo {
  readonly #library: NativeLibrary;
  readonly #enter: NativeFunction;
  readonly #fd: number;
  /** Rings for completions, but for those that are there when a call returns. */
  readonly #bell: Bell;
  readonly #words: Uint32Array;
  readonly #entries: Uint32Array;
  readonly #places: Places;
  /** By number; free numbers are below. */
  readonly #underWay: (Waiting | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;
  /** In the ring, but not yet handed over. */
  #fresh = 0;
  readonly #backlog: Waiting[] = [];
  #isScheduled = false;

  /** @throws Error where the kernel refuses */
  constructor(library: NativeLibrary) {
    this.#library = library;
    this.#enter = library.func(
      'int64_t syscall(int64_t number, int fd, uint32_t submit, uint32_t wait, uint32_t flags, void *arg, size_t size)',
    );
    const { fd, parameters } = setUp(library, SETUP_COOP_TASKRUN) ?? setUp(library, 0) ?? refused();
    this.#fd = fd;
    const word = (index: number): number => parameters[index] ?? 0;
    if ((word(5) & FEATURE_RW_CUR_POS) === 0) refused();
    // words 10 to 19 are offsets in the submission ring, 20 to 29 in the completion ring
    const map = library.func(
      'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
    );
    const mapped = (length: number, offset: number): Uint32Array =>
      new Uint32Array(
        library.view(map(null, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, this.#fd, offset), length),
      );
    const ringLength = Math.max(word(16) + word(0) * 4, word(25) + word(1) * COMPLETION_WORDS * 4);
    this.#words = mapped(ringLength, 0);
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
    this.#bell = new Bell(library, () => this.#takeBack());
    if (!this.#register(REGISTER_EVENTFD, new Int32Array([this.#bell.fd]), 1)) refused();
    this.#register(REGISTER_WORKERS, new Uint32Array([WORKERS, WORKERS]), 2);
  }

  read(fd: number, into: Uint8Array, at: number): Promise<number> {
    return this.#move(OPERATION.read, fd, into, at);
  }

  write(fd: number, from: Uint8Array, at: number): Promise<number> {
    return this.#move(OPERATION.write, fd, from, at);
  }

  sync(fd: number): Promise<number> {
    return this.#ask(new Waiting(OPERATION.fsync, fd, undefined, 0, 0, 0, FSYNC_DATASYNC));
  }

  allocate(fd: number, mode: number, at: number, length: number): Promise<number> {
    return this.#ask(new Waiting(OPERATION.fallocate, fd, undefined, length, mode, at, 0));
  }

  #move(operation: number, fd: number, memory: Uint8Array, at: number): Promise<number> {
    // there is a ring only where the C library can be called
    const address = addressOf(memory) as number;
    return this.#ask(new Waiting(operation, fd, memory, address, memory.length, at, 0));
  }

  #ask(waiting: Waiting): Promise<number> {
    if (this.#count < MOST) this.#put(waiting);
    else this.#backlog.push(waiting);
    return waiting.ended;
  }

  #put(waiting: Waiting): void {
    if (this.#fresh === ENTRIES) this.#handOver();
    const number = this.#free.pop() ?? this.#underWay.length;
    this.#underWay[number] = waiting;
    this.#count++;
    const { submitTail, submitMask, submitArray } = this.#places;
    const tail = this.#word(submitTail);
    const index = tail & submitMask;
    const entry = index * SUBMISSION_WORDS;
    const words = this.#entries;
    words.fill(0, entry, entry + SUBMISSION_WORDS);
    words[entry] = waiting.operation;
    words[entry + 1] = waiting.fd;
    words[entry + 2] = waiting.at % TWO_32;
    words[entry + 3] = Math.floor(waiting.at / TWO_32);
    words[entry + 4] = waiting.address % TWO_32;
    words[entry + 5] = Math.floor(waiting.address / TWO_32);
    words[entry + 6] = waiting.length;
    words[entry + 7] = waiting.flags;
    words[entry + 8] = number;
    this.#words[submitArray + index] = index;
    Atomics.store(this.#words, submitTail, tail + 1);
    this.#fresh++;
    this.#schedule();
  }

  /** All requests that are made in one go are handed over with one call. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#goOn());
  }

  #goOn(): void {
    this.#isScheduled = false;
    const { completeFlags } = this.#places;
    Atomics.store(this.#words, completeFlags, BELL_DISABLED);
    this.#handOver();
    // from here on the bell is rung, so nothing comes unseen between this look and the wait
    Atomics.store(this.#words, completeFlags, 0);
    this.#takeBack();
  }

  #handOver(): void {
    while (this.#fresh > 0) {
      const count = Number(this.#enter(CALL.enter, this.#fd, this.#fresh, 0, 0, null, 0));
      if (count > 0) this.#fresh -= count;
      else if (this.#library.errno() !== EINTR) {
        // the kernel is out of memory for now, or wants completions to be taken first
        setImmediate(() => this.#goOn());
        return;
      }
    }
  }

  /** Gives the results that are there to those who wait for them. */
  #takeBack(): void {
    const { completeHead, completeTail, completeMask, completions } = this.#places;
    let head = this.#word(completeHead);
    while (head !== Atomics.load(this.#words, completeTail)) {
      const completion = completions + (head & completeMask) * COMPLETION_WORDS;
      const number = this.#word(completion);
      const result = this.#word(completion + 2) | 0;
      head = (head + 1) >>> 0;
      Atomics.store(this.#words, completeHead, head);
      this.#finish(number, result);
    }
    for (let next = this.#backlog.length; next > 0 && this.#count < MOST; next--)
      this.#put(this.#backlog.shift() as Waiting);
    this.#bell.isAwaited = this.#count > 0;
  }

  #finish(number: number, result: number): void {
    const waiting = this.#underWay[number];
    this.#underWay[number] = undefined;
    this.#free.push(number);
    this.#count--;
    waiting?.done(result);
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

/** A ring and struct io_uring_params as the kernel has filled it in; undefined where it refuses. */
function setUp(
  library: NativeLibrary,
  flags: number,
): { readonly fd: number; readonly parameters: Uint32Array } | undefined {
  const setup = library.func('int64_t syscall(int64_t number, uint32_t entries, void *parameters)');
  const parameters = new Uint32Array(30);
  parameters[1] = MOST;
  parameters[2] = SETUP_CQSIZE | flags;
  const fd = Number(setup(CALL.setup, ENTRIES, parameters));
  return fd < 0 ? undefined : { fd, parameters };
}

function refused(): never {
  throw new Error('no ring');
}

let ring: Ring | undefined;
let isTried = false;

/** The ring of this process; undefined where there can be none. */
export function uringIo(): AsyncIo | undefined {
  if (isTried) return ring;
  isTried = true;
  const library = nativeLibrary();
  try {
    if (library !== undefined) ring = new Ring(library);
  } catch {
    ring = undefined;
  }
  return ring;
}
