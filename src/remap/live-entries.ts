import type { RemapTable } from '../format/entry.js';
import { type Sectors, sectors } from '../units.js';
import { SectorIndex } from './sector-index.js';

/** What taking an entry out has changed in the slots of the table. */
export interface Removal {
  readonly spare: Sectors;
  /** The slot that it left. The entry of the last slot lies there now, unless it was the last itself. */
  readonly slot: number;
}

/** The sectors of entries, one slot after the other. */
export interface EntrySectors {
  readonly mains: Float64Array;
  readonly spares: Float64Array;
}

/**
 * The live entries of a set that is in use: by slot, as they lie in the table on the device (format.md
 * section 1), and by main sector, sorted. No object is made for an entry.
 */
export class LiveEntries {
  /** max_entries of the header. */
  readonly capacity: number;
  readonly #slots = new SectorIndex();
  #mains = new Float64Array(0);
  #spares = new Float64Array(0);
  #count = 0;

  /** @param table without empty slots, and valid: no main sector stands in it twice */
  constructor(capacity: number, table?: RemapTable) {
    this.capacity = capacity;
    const count = table?.count ?? 0;
    this.#grow(count);
    for (let slot = 0; slot < count; slot++)
      if (table !== undefined) this.add(sectors(table.mainSector(slot)), sectors(table.spareSector(slot)));
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.capacity;
  }

  mainAt(slot: number): Sectors {
    return sectors(this.#mains[slot] as number);
  }

  spareAt(slot: number): Sectors {
    return sectors(this.#spares[slot] as number);
  }

  /** All of them as they are now. */
  copied(): EntrySectors {
    return { mains: this.#mains.slice(0, this.#count), spares: this.#spares.slice(0, this.#count) };
  }

  /** Where a sector of main lives now; undefined for main itself. */
  spareOf(main: Sectors): Sectors | undefined {
    const slot = this.#slots.get(main);
    return slot === undefined ? undefined : this.spareAt(slot);
  }

  /** Appends an entry; returns its slot. */
  add(main: Sectors, spare: Sectors): number {
    if (this.isFull) throw new RangeError(`more than ${this.capacity} entries`);
    if (this.#slots.has(main)) throw new RangeError(`main sector ${main} is remapped already`);
    if (this.#count === this.#mains.length) this.#grow(this.#count * 2);
    const slot = this.#count++;
    this.#put(slot, main, spare);
    return slot;
  }

  /** Points an entry elsewhere; it keeps its slot. */
  relocate(main: Sectors, spare: Sectors): void {
    const slot = this.#slots.get(main);
    if (slot === undefined) throw new RangeError(`main sector ${main} is not remapped`);
    this.#spares[slot] = spare;
  }

  /** Takes an entry out: the last one moves into its slot. Undefined where there is none. */
  remove(main: Sectors): Removal | undefined {
    const slot = this.#slots.get(main);
    if (slot === undefined) return undefined;
    const spare = this.spareAt(slot);
    this.#slots.delete(main);
    const last = --this.#count;
    if (slot !== last) this.#put(slot, this.mainAt(last), this.spareAt(last));
    return { spare, slot };
  }

  /** Takes a removal back, the last one first. */
  restore(main: Sectors, { spare, slot }: Removal): void {
    const end = this.#count++;
    if (slot !== end) this.#put(end, this.mainAt(slot), this.spareAt(slot));
    this.#put(slot, main, spare);
  }

  /** The slot of the entry of a sector of main; undefined where it has none. */
  slotOf(main: Sectors): number | undefined {
    return this.#slots.get(main);
  }

  /** The first remapped sector of main from this one on; infinity where there is none. */
  next(main: number): number {
    return this.#slots.next(main);
  }

  /** Visits the entries of these sectors of main, ascending. No entry may come or go meanwhile. */
  walk(first: number, end: number, visit: (main: Sectors, spare: Sectors) => void): void {
    this.#slots.walk(first, end, (main, slot) => visit(sectors(main), this.spareAt(slot)));
  }

  #put(slot: number, main: Sectors, spare: Sectors): void {
    this.#mains[slot] = main;
    this.#spares[slot] = spare;
    this.#slots.set(main, slot);
  }

  #grow(wanted: number): void {
    const length = Math.min(this.capacity, Math.max(wanted, 256));
    const [mains, spares] = [new Float64Array(length), new Float64Array(length)];
    mains.set(this.#mains);
    spares.set(this.#spares);
    this.#mains = mains;
    this.#spares = spares;
  }
}
