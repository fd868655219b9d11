import { Medium, type MediumInstant } from './medium.js';

/** All that a power cut may leave between two flushes. */
export interface Instant {
  /** Of each medium, in the order in which they were made. */
  readonly media: readonly MediumInstant[];
  /** How many promises had been given before. */
  readonly answered: number;
  /** How many flushes had ended before. */
  readonly flushes: number;
}

/** The writes and flushes of one piece of work on all its media, in one sequence. */
export class Recording {
  readonly #media: Medium[] = [];
  readonly #instants: Instant[] = [];
  readonly #failing: number | undefined;
  #flushes = 0;
  #answered = 0;

  /** @param failing the number of the flush that fails, once, counted from 0 over all media */
  constructor(failing?: number) {
    this.#failing = failing;
  }

  get flushes(): number {
    return this.#flushes;
  }

  /** How many promises were given. */
  get answered(): number {
    return this.#answered;
  }

  addMedium(): Medium {
    const medium = new Medium();
    this.#media.push(medium);
    return medium;
  }

  /**
   * A flush of these cells. Between two flushes the last moment is noted: what could be lost earlier can still
   * be lost then.
   *
   * @returns false where this is the one that fails
   */
  flush(medium: Medium, covers?: (key: string | number) => boolean): boolean {
    this.#note();
    const fails = this.#flushes++ === this.#failing;
    if (fails) medium.failFlush(covers);
    else medium.flush(covers);
    return !fails;
  }

  /** Somebody was told that what was done so far is durable. */
  answer(): void {
    this.#answered++;
  }

  /** The instants of a power cut, the last one at the end of the work. */
  end(): readonly Instant[] {
    this.#note();
    return this.#instants;
  }

  #note(): void {
    this.#instants.push({
      media: this.#media.map((medium) => medium.instant()),
      answered: this.#answered,
      flushes: this.#flushes,
    });
  }
}
