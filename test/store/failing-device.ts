import { MemoryDevice } from '../../src/device/memory-device.js';
import { DeviceError } from '../../src/errors.js';
import { type Bytes, bytesToSectors } from '../../src/units.js';
import type { Random } from '../support/random.js';

/** What of the writes that a failure meets reaches the medium. */
export type Reaches = 'nothing' | 'everything' | 'even' | 'odd';

export interface Failure {
  /** Counted from 0 over writes and flushes; those of `within` alone where that is given. */
  readonly from: number;
  /** How many of them fail, from there on. */
  readonly times: number;
  readonly reaches: Reaches;
  /** Only writes that touch these bytes, and no flush. */
  readonly within?: { readonly from: number; readonly to: number };
}

/**
 * A disk with a cache that loses power and fails, by the model of format.md section 4. Reads see what was
 * written; the medium holds what was flushed. A flush that fails drops what it should have made durable: the
 * next one succeeds and has nothing left to do.
 */
export class FailingDevice extends MemoryDevice {
  readonly medium: Buffer;
  /** Requests that a failure counts, made so far. */
  requests = 0;
  written = 0;
  failed = 0;
  failure: Failure | undefined;
  /** Media that a power cut could have left while it worked, one or more for each request. */
  readonly cut: Buffer[] = [];
  readonly #pending = new Map<number, Buffer>();

  constructor(content: Uint8Array, logicalBlockSize = 512) {
    super(new Uint8Array(content), { logicalBlockSize });
    this.medium = Buffer.from(content);
  }

  /** Begins to count. */
  failNow(failure: Failure | undefined): void {
    this.failure = failure;
    this.requests = 0;
    this.cut.length = 0;
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    this.written += from.length;
    const { within } = this.failure ?? {};
    const counts = within === undefined || (at < within.to && at + from.length > within.from);
    const fails = counts && this.#fails();
    for (let offset = 0; offset < from.length; offset += this.logicalBlockSize) {
      if (fails && !this.#reaches(at + offset)) continue;
      const block = Buffer.from(from.subarray(offset, offset + this.logicalBlockSize));
      this.#pending.set(at + offset, block);
      this.content.set(block, at + offset);
    }
    this.#recordCut();
    if (fails) throw new DeviceError(this.name, 'write', 'EIO', bytesToSectors(at));
  }

  override async flush(): Promise<void> {
    const fails = this.failure?.within === undefined && this.#fails();
    for (const [at, block] of this.#pending) if (!fails || this.#reaches(at)) block.copy(this.medium, at);
    this.#pending.clear();
    this.#recordCut();
    if (fails) throw new DeviceError(this.name, 'flush', 'EIO', undefined);
  }

  /** What the medium may hold if the power is cut now: subsets of what was not flushed. */
  *statesAfterPowerCut(random: Random): Generator<Buffer> {
    yield Buffer.from(this.medium);
    if (this.#pending.size === 0) return;
    const pending = [...this.#pending];
    const samples = [() => true, ...pending.map((one) => (other: (typeof pending)[number]) => other === one)];
    for (const takes of [...samples.slice(0, 12), () => random.chance(0.5), () => random.chance(0.5)]) {
      const state = Buffer.from(this.medium);
      for (const one of pending) if (takes(one)) one[1].copy(state, one[0]);
      yield state;
    }
  }

  /** With nothing of what was not flushed, with all of it, and with half. */
  #recordCut(): void {
    for (const takes of [() => false, () => true, (index: number) => index % 2 === 0]) {
      const state = Buffer.from(this.medium);
      [...this.#pending].forEach(([at, block], index) => {
        if (takes(index)) block.copy(state, at);
      });
      this.cut.push(state);
      if (this.#pending.size === 0) return;
    }
  }

  #fails(): boolean {
    if (this.failure === undefined) return false;
    const { from, times } = this.failure;
    const fails = this.requests >= from && this.requests < from + times;
    this.requests += 1;
    if (fails) this.failed += 1;
    return fails;
  }

  #reaches(at: number): boolean {
    const even = (at / this.logicalBlockSize) % 2 === 0;
    switch (this.failure?.reaches) {
      case 'everything':
        return true;
      case 'even':
        return even;
      case 'odd':
        return !even;
      default:
        return false;
    }
  }
}
