import { ENTRY_SIZE } from '../../format/entry.js';

/** No entry in this slot of the hash table. */
const NONE = -1;

/** Entries as bytes, each kept once: millions of them as values of JavaScript would not fit in memory. */
export class EntrySet {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Numbers of entries, by hash. */
  readonly #table: Int32Array;
  /** By number: 1 while the entry is in the set. */
  readonly #present: Uint8Array;

  /** @param bytes whole entries, of which the set keeps hold */
  constructor(bytes: Uint8Array) {
    const count = bytes.length / ENTRY_SIZE;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#table = new Int32Array(2 ** (1 + Math.ceil(Math.log2(count + 1)))).fill(NONE);
    this.#present = new Uint8Array(count);
    for (let index = 0; index < count; index++) {
      const slot = this.#slotOf(this.#view, index * ENTRY_SIZE);
      if (this.#table[slot] !== NONE) continue;
      this.#table[slot] = index;
      this.#present[index] = 1;
    }
  }

  /** @param at first byte of the entry in `entries` */
  delete(entries: DataView, at: number): void {
    const index = this.#table[this.#slotOf(entries, at)] ?? NONE;
    if (index !== NONE) this.#present[index] = 0;
  }

  /** The entries that are left, in their order. */
  toBytes(): Uint8Array {
    const left = this.#present.reduce((sum, present) => sum + present, 0);
    const bytes = new Uint8Array(left * ENTRY_SIZE);
    let to = 0;
    for (const [index, present] of this.#present.entries()) {
      if (present === 0) continue;
      const from = index * ENTRY_SIZE;
      bytes.set(this.#bytes.subarray(from, from + ENTRY_SIZE), to);
      to += ENTRY_SIZE;
    }
    return bytes;
  }

  /** The slot of an equal entry, or the free one that it would take. */
  #slotOf(entries: DataView, at: number): number {
    const mask = this.#table.length - 1;
    let slot = hash(entries, at) & mask;
    for (;;) {
      const index = this.#table[slot] ?? NONE;
      if (index === NONE || this.#equals(index * ENTRY_SIZE, entries, at)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #equals(own: number, entries: DataView, at: number): boolean {
    for (let offset = 0; offset < ENTRY_SIZE; offset += 4)
      if (this.#view.getInt32(own + offset) !== entries.getInt32(at + offset)) return false;
    return true;
  }
}

/** Of both sector numbers; their high words seldom differ. */
function hash(entries: DataView, at: number): number {
  const sum =
    Math.imul(entries.getInt32(at, true), 0x9e3779b1) ^
    Math.imul(entries.getInt32(at + 8, true), 0x85ebca77) ^
    Math.imul(entries.getInt32(at + 4, true) + entries.getInt32(at + 12, true), 0xc2b2ae3d);
  return (sum ^ (sum >>> 15)) >>> 0;
}
