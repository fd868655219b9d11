import { addressOf } from '../device/address.js';
import { PAGE } from '../device/aligned.js';
import type { Memory } from '../nbd/memory.js';
import { roundUp } from '../units.js';

export interface PoolEvents {
  /** The limit has been reached. */
  tight(): void;
  /** There is room again. */
  eased(): void;
}

/** Of 2^12 bytes and more there is a shelf for each power of two; what is shorter lies on the first. */
const SMALLEST = 12;

/** From so many bytes on buffers begin on a page, so that direct I/O needs no copy. */
const ALIGNED_FROM = 2 ** 15;

/** Bytes that lie unused at most; what would be more is left to the garbage collector. */
const MOST_KEPT = 2 ** 25;

/** Buffers that are used again, since new ones cost more than to fill them; and a count of what is out. */
export class BufferPool implements Memory {
  readonly #limit: number;
  readonly #events: PoolEvents;
  readonly #shelves: Uint8Array[][] = [];
  #kept = 0;
  #out = 0;

  /** @param limit bytes that may be out before it is tight; take() gives even then */
  constructor(limit: number, events: PoolEvents) {
    this.#limit = limit;
    this.#events = events;
    for (let order = 0; order <= 32; order++) this.#shelves.push([]);
  }

  /** Bytes that have been taken and not been given back, in whole buffers. */
  get out(): number {
    return this.#out;
  }

  get isTight(): boolean {
    return this.#out >= this.#limit;
  }

  take(length: number): Uint8Array {
    const order = orderOf(length);
    const whole = this.#shelves[order]?.pop() ?? this.#create(order);
    const wasTight = this.isTight;
    this.#kept -= whole.length;
    this.#out += whole.length;
    if (this.isTight && !wasTight) this.#events.tight();
    return whole.length === length ? whole : whole.subarray(0, length);
  }

  giveBack(bytes: Uint8Array): void {
    const whole = wholeOf(bytes.buffer);
    const wasTight = this.isTight;
    this.#out -= whole.length;
    if (this.#kept + whole.length <= MOST_KEPT) {
      this.#shelves[orderOf(whole.length)]?.push(whole);
      this.#kept += whole.length;
    }
    if (wasTight && !this.isTight) this.#events.eased();
  }

  #create(order: number): Uint8Array {
    const size = 2 ** order;
    this.#kept += size;
    // a buffer of its own, not zeroed: whoever takes it fills it
    return wholeOf(Buffer.allocUnsafeSlow(size < ALIGNED_FROM ? size : size + PAGE).buffer);
  }
}

/** What is lent of a buffer. */
function wholeOf(buffer: ArrayBufferLike): Uint8Array {
  const all = new Uint8Array(buffer);
  if (all.length < ALIGNED_FROM) return all;
  const start = addressOf(all) ?? 0;
  const skip = roundUp(start, PAGE) - start;
  return all.subarray(skip, skip + all.length - PAGE);
}

function orderOf(length: number): number {
  return Math.max(SMALLEST, 32 - Math.clz32(length - 1));
}
