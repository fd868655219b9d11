import { setTimeout as delay } from 'node:timers/promises';

/** Keeps work on a disk at a rate, so that clients have most of it. */
export class Pace {
  readonly #rate: number;
  readonly #began = performance.now();
  #done = 0;

  /** @param rate in bytes a second */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** So many bytes more are done: resolves when it is time for the next ones. */
  async worked(more: number): Promise<void> {
    this.#done += more;
    const due = this.#began + (1000 * this.#done) / this.#rate - performance.now();
    if (due > 0) await delay(due);
  }
}
