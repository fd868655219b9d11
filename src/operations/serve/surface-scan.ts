import { setTimeout as delay } from 'node:timers/promises';
import type { ServedDevice } from '../../serve/served-device.js';
import { type Bytes, bytes } from '../../units.js';

/** What is read at a time, in bytes. */
const PIECE = 1 << 16;

/** So long nobody may have asked for anything before the next piece is read, in milliseconds. */
const IDLE = 100;

/**
 * Reads the whole served device once, while nobody else uses it, so that sectors that fail are found before they
 * are needed: they become pending, or move to the spare, as the policy says.
 */
export class SurfaceScan {
  readonly #device: ServedDevice;
  readonly #rate: Bytes;
  readonly #activity: () => number;
  readonly #stopping = new AbortController();
  #done = 0;

  /**
   * @param rate bytes a second at most
   * @param activity a number that stands still while nobody uses the device
   */
  constructor(device: ServedDevice, rate: Bytes, activity: () => number) {
    this.#device = device;
    this.#rate = rate;
    this.#activity = activity;
  }

  get percent(): number {
    return Math.floor((100 * this.#done) / this.#device.size);
  }

  /** Resolves when all is read, or when it is stopped. */
  async run(): Promise<void> {
    const buffer = new Uint8Array(PIECE);
    const pause = Math.max(1, (1000 * PIECE) / this.#rate);
    while (this.#done < this.#device.size && !this.#stopping.signal.aborted) {
      const before = this.#activity();
      await this.#wait(Math.max(pause, IDLE));
      while (
        this.#activity() === before &&
        this.#done < this.#device.size &&
        !this.#stopping.signal.aborted
      ) {
        await this.#readPiece(buffer);
        await this.#wait(pause);
      }
    }
  }

  async #readPiece(buffer: Uint8Array): Promise<void> {
    const part = buffer.subarray(0, Math.min(PIECE, this.#device.size - this.#done));
    // what it lacks is known to the device by now, and told by its counters
    await this.#device.read(bytes(this.#done), part).catch(() => undefined);
    this.#done += part.length;
  }

  async #wait(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    await delay(milliseconds, undefined, { ref: false, signal }).catch(() => undefined);
  }

  stop(): void {
    this.#stopping.abort();
  }
}
