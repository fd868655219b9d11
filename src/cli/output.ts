/**
 * Writing to standard output and standard error. A reader that has gone (`dmremap check … | head -1`) is not
 * an error: writing stops and the verdict stays the exit code. A disk that is full is one.
 */
import { DmremapError } from '../errors.js';

/** What can be written: text or bytes, at once or as they come. */
export type Content = string | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** The part of a stream that is used; process.stdout is one. */
export interface Sink {
  readonly isTTY?: boolean;
  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeAllListeners(event: 'error'): unknown;
}

/** Small pieces are gathered up to this many characters, because every write is a system call. */
const GATHER = 32768;

const GONE: ReadonlySet<string> = new Set([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

export class Output {
  readonly #sink: Sink;
  readonly #name: string;
  #isClosed = false;
  #isClaimed = false;

  constructor(sink: Sink, name: string) {
    this.#sink = sink;
    this.#name = name;
    this.#silenceEvents();
  }

  /** The reader has gone: whatever is written from now on is dropped. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Whether the caller may write the JSON document: the first who asks. A command and the signal that ends it
   * may both have one, and two documents are none.
   */
  claimDocument(): boolean {
    const isFirst = !this.#isClaimed;
    this.#isClaimed = true;
    return isFirst;
  }

  /** Writes all of it and waits until the system has taken it; stops taking from the source when closed. */
  async write(content: Content): Promise<void> {
    if (typeof content === 'string') {
      await this.#writeChunk(content);
      return;
    }
    let pending = '';
    try {
      for await (const piece of content) {
        if (typeof piece === 'string') {
          pending += piece;
        }
        if (typeof piece !== 'string' || pending.length >= GATHER) {
          const gathered = pending;
          pending = '';
          await this.#writeChunk(gathered);
        }
        if (typeof piece !== 'string') {
          await this.#writeChunk(piece);
        }
        if (this.#isClosed) {
          return;
        }
      }
    } finally {
      // Also when the source breaks: what it gave before that is worth having.
      await this.#writeChunk(pending);
    }
  }

  async #writeChunk(chunk: string | Uint8Array): Promise<void> {
    if (this.#isClosed || chunk.length === 0) {
      return;
    }
    this.#silenceEvents();
    const error = await new Promise<unknown>((resolve) => {
      // Files and terminals are written synchronously and may throw; sockets answer later.
      try {
        this.#sink.write(chunk, (failure) => resolve(failure ?? undefined));
      } catch (failure) {
        resolve(failure);
      }
    });
    if (error !== undefined) {
      this.#isClosed = true;
      if (!this.#isGone(error)) {
        throw writeError(this.#name, error);
      }
    }
  }

  /**
   * Errors reach the callback of a write; the event must have a listener nevertheless, and only this one: that
   * of @oclif/core, installed whenever it is loaded, makes an uncaught exception of a full disk.
   */
  #silenceEvents(): void {
    this.#sink.removeAllListeners('error');
    this.#sink.on('error', () => {});
  }

  /** A terminal that has been closed answers EIO. */
  #isGone(error: unknown): boolean {
    const errno = errnoOf(error);
    return GONE.has(errno) || (errno === 'EIO' && this.#sink.isTTY === true);
  }
}

function writeError(name: string, error: unknown): DmremapError {
  const errno = errnoOf(error);
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new DmremapError(isFull ? 'no-space' : 'io', `${name}: write failed: ${errno}`, { cause: error });
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);
}

/** The outputs of a process: made once, since a stream that has failed stays failed, and at their first use. */
class ProcessOutputs {
  #stdout: Output | undefined;
  #stderr: Output | undefined;

  get stdout(): Output {
    this.#stdout ??= new Output(process.stdout, 'standard output');
    return this.#stdout;
  }

  get stderr(): Output {
    this.#stderr ??= new Output(process.stderr, 'standard error');
    return this.#stderr;
  }
}

const shared = new ProcessOutputs();

export function processOutputs(): ProcessOutputs {
  return shared;
}
