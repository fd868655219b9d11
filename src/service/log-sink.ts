import { setTimeout as pause } from 'node:timers/promises';
import { endsWithin } from '../serve/patience.js';

/** Takes some of these bytes; returns how many, none where it has no room now. */
export type Put = (bytes: Uint8Array) => Promise<number>;

/** What is kept for a log that has no room, in bytes. */
const MOST_KEPT = 1 << 20;

/** A log that had no room is tried again after so many milliseconds. */
const PAUSE = 50;

/** So long a log is waited for at the end, in milliseconds. */
const PATIENCE = 1000;

const NEWLINE = Buffer.from('\n');

/**
 * Lines on their way to a log. Whoever writes one never waits: a server must not stop because nobody reads what
 * it has to say. What the log does not take in time is left out, and so is what it refuses; once it takes lines
 * again it is told how many it lacks.
 */
export class LogSink {
  readonly #put: Put;
  readonly #leftOut: (lines: number) => void;
  readonly #waiting: Buffer[] = [];
  #kept = 0;
  #lacking = 0;
  #emptying: Promise<void> | undefined;
  #hasGivenUp = false;
  /** The last line was refused when a part of it had been taken. */
  #isCut = false;

  /** @param leftOut called with how many lines were not taken, when there is room for more */
  constructor(put: Put, leftOut: (lines: number) => void) {
    this.#put = put;
    this.#leftOut = leftOut;
  }

  /** As of pino's destinations. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#hasGivenUp || this.#kept + bytes.length > MOST_KEPT) {
      this.#lacking++;
      return;
    }
    this.#waiting.push(bytes);
    this.#kept += bytes.length;
    this.#emptying ??= this.#empty();
  }

  /** Resolves when all has been taken, or after PATIENCE; nothing more is. */
  async end(): Promise<void> {
    if (this.#emptying !== undefined) await endsWithin(PATIENCE, this.#emptying);
    this.#hasGivenUp = true;
  }

  async #empty(): Promise<void> {
    for (let line = this.#waiting[0]; line !== undefined && !this.#hasGivenUp; line = this.#waiting[0]) {
      const isTaken = await this.#taken(line);
      this.#waiting.shift();
      this.#kept -= line.length;
      if (isTaken) this.#tellLack();
      else this.#lacking++;
    }
    this.#emptying = undefined;
  }

  /** False where it was refused. */
  async #taken(line: Buffer): Promise<boolean> {
    // what was cut off must not run into the next line
    const bytes = this.#isCut ? Buffer.concat([NEWLINE, line]) : line;
    for (let done = 0; done < bytes.length; ) {
      const count = await this.#put(bytes.subarray(done)).catch(() => undefined);
      if (count === undefined) return false;
      done += count;
      this.#isCut = done < bytes.length && (done > 0 || this.#isCut);
      if (count === 0) await pause(PAUSE);
      if (this.#hasGivenUp) return false;
    }
    return true;
  }

  #tellLack(): void {
    const lines = this.#lacking;
    if (lines === 0) return;
    this.#lacking = 0;
    this.#leftOut(lines);
    // what tells it may find no room itself
    if (this.#lacking > 0) this.#lacking += lines - 1;
  }
}
