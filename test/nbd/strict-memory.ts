import type { Memory } from '../../src/nbd/memory.js';

/** Memory that spoils what is given back, and throws where something is given back twice or never was taken. */
export class StrictMemory implements Memory {
  isTight = false;
  /** Bytes of the longest buffer that was asked for. */
  longest = 0;
  readonly #out = new Map<ArrayBufferLike, Uint8Array>();

  take(length: number): Uint8Array {
    if (length === 0) throw new Error('a buffer of no bytes');
    this.longest = Math.max(this.longest, length);
    const buffer = new Uint8Array(length).fill(0xee);
    this.#out.set(buffer.buffer, buffer);
    return buffer;
  }

  giveBack(bytes: Uint8Array): void {
    const whole = this.#out.get(bytes.buffer);
    if (whole === undefined) throw new Error(`${bytes.length} bytes come back that are not out`);
    this.#out.delete(bytes.buffer);
    whole.fill(0xdd);
  }

  /** Bytes that have not come back. */
  get out(): number {
    let sum = 0;
    for (const { length } of this.#out.values()) sum += length;
    return sum;
  }
}
