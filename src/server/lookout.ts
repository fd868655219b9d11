import { availableParallelism } from 'node:os';

/** A connection counts as the only busy one once so many pieces in a row have come over it. */
const IN_A_ROW = 8;

/** Looks without anything having come, at most and at first: each takes about a microsecond. */
const [MOST_LOOKS, FIRST_LOOKS] = [64, 8];

/** A client that is silent for longer, in milliseconds, is not waited for. */
const SOON = 0.1;

/** What a lookout knows of the machine. */
export interface Surroundings {
  /** Milliseconds. */
  readonly now: () => number;
  readonly processors: number;
}

const HERE: Surroundings = { now: () => performance.now(), processors: availableParallelism() };

/**
 * Says whether to look again whether a client has sent more, rather than to sleep until the system tells: to be
 * woken takes longer than to carry out a request, and a client that waits for each reply waits for that, too. It
 * pays only while one client is busy and soon sends more, and only where that runs on another processor.
 */
export class Lookout {
  readonly #now: () => number;
  readonly #isAlone: boolean;
  #busy: object | undefined;
  #inARow = 0;
  #looks = 0;
  /** Since when nothing has come. */
  #since = Number.NEGATIVE_INFINITY;

  constructor({ now, processors }: Surroundings = HERE) {
    this.#now = now;
    this.#isAlone = processors === 1;
  }

  /** How often to look after a piece of this client's that the system has told of. */
  heard(client: object): number {
    if (client !== this.#busy) {
      this.#busy = client;
      this.#inARow = 0;
    }
    this.#inARow++;
    const isSoon = this.#now() - this.#since < SOON;
    this.#looks = isSoon ? Math.min(MOST_LOOKS, Math.max(FIRST_LOOKS, 2 * this.#looks)) : 0;
    return this.#inARow < IN_A_ROW || this.#isAlone ? 0 : this.#looks;
  }

  /** Nothing more has come: the system will tell. */
  wait(): void {
    this.#since = this.#now();
  }

  /** Forgets a client that is gone. */
  forget(client: object): void {
    if (client === this.#busy) this.#busy = undefined;
  }
}
