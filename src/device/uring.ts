import { addressOf } from './address.js';
import type { AsyncIo } from './async-io.js';
import { Bell } from './bell.js';
import type { Part } from './parts.js';
import { type NativeLibrary, nativeLibrary } from './syscalls.js';
import { type Order, UringQueues } from './uring-queues.js';

/**
 * io_uring: requests to the kernel through a ring in shared memory. A request that hangs holds no thread of
 * ours, many are handed over with one call, and what the page cache has is there when that call returns.
 */

const OPERATION = { fsync: 3, fallocate: 17, read: 22, write: 23 } as const;
const FSYNC_DATASYNC = 1;

/** Requests under way; more of them wait. */
const MOST = 4096;

/** Between two attempts to hand over what the kernel has no memory for, in milliseconds. */
const PAUSE = 1;

/** Requests that were made together, and who waits for what comes of them. */
class Waiting {
  readonly #results: number[] = [];
  readonly #done: (results: number[]) => void;
  #left: number;

  /**
   * @param memory the requests', which must not be collected before the kernel is done with it
   * @param done called once each of `count` requests has come to its end
   */
  constructor(
    readonly memory: Uint8Array | undefined,
    count: number,
    done: (results: number[]) => void,
  ) {
    this.#left = count;
    this.#done = done;
    for (let index = 0; index < count; index++) this.#results.push(0);
  }

  end(index: number, result: number): void {
    this.#results[index] = result;
    this.#left--;
    if (this.#left === 0) this.#done(this.#results);
  }
}

/** A request, and who waits for it. Of one shape whatever is asked for. */
class Entry implements Order {
  /** @param index which of the requests that `waiting` waits for */
  constructor(
    readonly waiting: Waiting,
    readonly index: number,
    readonly operation: number,
    readonly fd: number,
    readonly address: number,
    readonly length: number,
    readonly at: number,
    readonly flags: number,
  ) {}
}

class Ring implements AsyncIo {
  readonly #queues: UringQueues;
  readonly #bell: Bell;
  /** By number; free numbers are below. */
  readonly #underWay: (Entry | undefined)[] = [];
  readonly #free: number[] = [];
  #count = 0;
  readonly #backlog: Entry[] = [];
  #isScheduled = false;

  /** @throws Error where the kernel refuses */
  constructor(library: NativeLibrary) {
    this.#queues = new UringQueues(library, MOST);
    this.#bell = this.#hung(library);
  }

  /** The bell, which completions ring from now on. */
  #hung(library: NativeLibrary): Bell {
    let bell: Bell | undefined;
    try {
      bell = new Bell(library, () => this.#takeBack());
      this.#queues.ring(bell.fd);
      return bell;
    } catch (error) {
      bell?.close();
      this.#queues.close();
      throw error;
    }
  }

  read(fd: number, into: Uint8Array, at: number): Promise<number> {
    return this.#move(OPERATION.read, fd, into, at);
  }

  write(fd: number, from: Uint8Array, at: number): Promise<number> {
    return this.#move(OPERATION.write, fd, from, at);
  }

  readParts(fd: number, into: Uint8Array, parts: readonly Part[]): Promise<readonly number[]> {
    return this.#moveParts(OPERATION.read, fd, into, parts);
  }

  writeParts(fd: number, from: Uint8Array, parts: readonly Part[]): Promise<readonly number[]> {
    return this.#moveParts(OPERATION.write, fd, from, parts);
  }

  sync(fd: number): Promise<number> {
    return this.#alone(OPERATION.fsync, fd, undefined, 0, 0, 0, FSYNC_DATASYNC);
  }

  allocate(fd: number, mode: number, at: number, length: number): Promise<number> {
    return this.#alone(OPERATION.fallocate, fd, undefined, length, mode, at, 0);
  }

  #move(operation: number, fd: number, memory: Uint8Array, at: number): Promise<number> {
    // there is a ring only where the C library can be called
    const address = addressOf(memory) as number;
    return this.#alone(operation, fd, memory, address, memory.length, at, 0);
  }

  #moveParts(
    operation: number,
    fd: number,
    memory: Uint8Array,
    parts: readonly Part[],
  ): Promise<readonly number[]> {
    if (parts.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const waiting = new Waiting(memory, parts.length, resolve);
      const address = addressOf(memory) as number;
      for (const [index, { at, from, length }] of parts.entries())
        this.#ask(new Entry(waiting, index, operation, fd, address + from, length, at, 0));
    });
  }

  #alone(
    operation: number,
    fd: number,
    memory: Uint8Array | undefined,
    address: number,
    length: number,
    at: number,
    flags: number,
  ): Promise<number> {
    return new Promise((resolve) => {
      const waiting = new Waiting(memory, 1, ([result]) => resolve(result as number));
      this.#ask(new Entry(waiting, 0, operation, fd, address, length, at, flags));
    });
  }

  #ask(entry: Entry): void {
    if (this.#hasRoom) this.#put(entry);
    else this.#backlog.push(entry);
  }

  get #hasRoom(): boolean {
    if (this.#count >= MOST) return false;
    if (this.#queues.isFull) this.#handOver();
    return !this.#queues.isFull;
  }

  #put(entry: Entry): void {
    const number = this.#free.pop() ?? this.#underWay.length;
    this.#underWay[number] = entry;
    this.#count++;
    this.#queues.put(number, entry);
    if (this.#isScheduled) return;
    // all requests that are made in one go are handed over with one call
    this.#isScheduled = true;
    queueMicrotask(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#isScheduled = false;
    this.#handOver();
    this.#takeBack();
  };

  #handOver(): void {
    if (this.#queues.handOver() || this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(this.#goOn, PAUSE);
  }

  /** Gives the results that are there to those who wait for them. */
  #takeBack(): void {
    this.#queues.take(this.#finish);
    while (this.#backlog.length > 0 && this.#hasRoom) this.#put(this.#backlog.shift() as Entry);
    this.#bell.isAwaited = this.#count > 0;
  }

  readonly #finish = (number: number, result: number): void => {
    const entry = this.#underWay[number];
    this.#underWay[number] = undefined;
    this.#free.push(number);
    this.#count--;
    entry?.waiting.end(entry.index, result);
  };
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
