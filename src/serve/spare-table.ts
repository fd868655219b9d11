import type { BlockDevice } from '../device/block-device.js';
import type { RemapTable } from '../format/entry.js';
import { dataStart } from '../format/geometry.js';
import { type Header, hasExtension } from '../format/header.js';
import { LiveEntries, type Removal } from '../remap/live-entries.js';
import { Mover } from '../remap/mover.js';
import { SpareSpace } from '../remap/spare-space.js';
import type { NewEntry } from '../store/step.js';
import { bytesToSectors, type Sectors, sectors } from '../units.js';
import { inTurns, sortedInTurns } from './in-turns.js';

/** Entries that were taken out for a commit. */
export interface TakenOut {
  /** Where they stood in the committed table. */
  readonly slots: readonly number[];
  /** The spare sectors that they leave. */
  readonly spares: readonly Sectors[];
  /** Puts them back, where the commit has failed. */
  readonly undo: () => void;
}

/** The entries of a set in use, in the order of its table: the committed ones first, then those to be committed. */
export class SpareTable {
  readonly entries: LiveEntries;
  readonly mover: Mover;
  readonly #space: SpareSpace;
  /** Of sectors of main that have got another place: those that a table on the device may still name. */
  readonly #left = new Map<Sectors, Sectors[]>();

  private constructor(entries: LiveEntries, space: SpareSpace, blockSectors: number) {
    this.entries = entries;
    this.#space = space;
    this.mover = new Mover(entries, space, blockSectors);
  }

  /**
   * Takes time at millions of entries: others get their turns meanwhile.
   *
   * @param header and table as they are committed
   * @param blockSectors of main's physical block
   * @param bad free sectors that take no data
   */
  static async load(
    device: BlockDevice,
    { header, table }: { readonly header: Header; readonly table: RemapTable },
    blockSectors: number,
    bad: readonly number[] = [],
  ): Promise<SpareTable> {
    const entries = new LiveEntries(header.max_entries);
    await inTurns(table.count, (slot) => {
      entries.add(sectors(table.mainSector(slot)), sectors(table.spareSector(slot)));
    });
    const { start, count } = dataArea(header, device);
    const used = new Float64Array(entries.count + bad.length);
    used.set(entries.copied().spares);
    used.set(bad, entries.count);
    return new SpareTable(entries, new SpareSpace(start, count, await sortedInTurns(used)), blockSectors);
  }

  /** Spare sectors that new entries can have. */
  get free(): number {
    return this.#space.free;
  }

  /** A place for a sector that has an entry; undefined where none is free. */
  takePlace(): Sectors | undefined {
    return this.#space.take();
  }

  /** Places that were taken, and no entry has come of it. */
  giveBack(places: readonly Sectors[]): void {
    for (const place of places) this.#space.giveBack(place, 1);
  }

  /** The data of a sector lies in another place now. The old one failed, and nobody gets it again. */
  relocate(main: Sectors, place: Sectors): void {
    const old = this.entries.spareOf(main);
    if (old !== undefined) this.#left.set(main, [...(this.#left.get(main) ?? []), old]);
    this.entries.relocate(main, place);
  }

  /** How many of the committed entries have another place by now. */
  relocatedBelow(committed: number): number {
    let count = 0;
    for (const main of this.#left.keys()) if ((this.entries.slotOf(main) ?? committed) < committed) count++;
    return count;
  }

  /** The sectors that have got another place, with that. */
  relocated(): NewEntry[] {
    return [...this.#left.keys()].flatMap((main) => {
      const place = this.entries.spareOf(main);
      return place === undefined ? [] : [[main, place] as const];
    });
  }

  /** Entries that this table has where they live now wait for nothing. */
  settle(committed: RemapTable): void {
    for (const main of [...this.#left.keys()]) {
      const slot = this.entries.slotOf(main);
      const isNamed =
        slot !== undefined &&
        slot < committed.count &&
        committed.spareSector(slot) === this.entries.spareAt(slot);
      if (slot === undefined || isNamed) this.#left.delete(main);
    }
  }

  /** The entries in these slots, `end` not among them. */
  entriesIn(from: number, end: number): NewEntry[] {
    return Array.from({ length: Math.max(0, end - from) }, (_, index) => [
      this.entries.mainAt(from + index),
      this.entries.spareAt(from + index),
    ]);
  }

  /**
   * Takes entries out as the table does it: holes are filled from among the committed ones.
   *
   * @param committed how many entries are
   */
  takeOut(mains: readonly Sectors[], committed: number): TakenOut {
    const { entries } = this;
    if (mains.length === 0) return { slots: [], spares: [], undo: () => undefined };
    const slots = [...new Set(mains.map((main) => entries.slotOf(main) as number))].sort((a, b) => b - a);
    const removed: { readonly main: Sectors; readonly removal: Removal }[] = [];
    const behind = this.#aside(committed);
    for (const slot of slots) {
      const main = entries.mainAt(slot);
      removed.push({ main, removal: entries.remove(main) as Removal });
    }
    behind();
    const undo = (): void => {
      const back = this.#aside(committed - removed.length);
      for (const { main, removal } of removed.reverse()) entries.restore(main, removal);
      back();
    };
    return { slots, spares: removed.map(({ removal }) => removal.spare), undo };
  }

  /**
   * The generation without the entries of these sectors stands; they are free once it is committed.
   *
   * @param isCommitted in both copies
   */
  release(spares: readonly Sectors[], isCommitted: boolean): void {
    const space = this.#space;
    for (const spare of spares) space.release(spare);
    space.mayReuse = isCommitted;
    if (isCommitted) space.committed(space.leaving);
  }

  /**
   * Whether a table has nothing but what stands here, and lacks nothing of it but what is not committed or, as
   * `mayLack` says, may have been dropped.
   */
  isReached(table: RemapTable, committed: number, mayLack: (main: Sectors) => boolean): boolean {
    const { entries } = this;
    const found = new Set<number>();
    for (let slot = 0; slot < table.count; slot++) {
      const main = sectors(table.mainSector(slot));
      const place = sectors(table.spareSector(slot));
      if (entries.spareOf(main) !== place && this.#left.get(main)?.includes(place) !== true) return false;
      found.add(main);
    }
    for (let slot = 0; slot < committed; slot++) {
      const main = entries.mainAt(slot);
      if (!found.has(main) && !mayLack(main)) return false;
    }
    return true;
  }

  /** The committed entries are those of this table, in its order; what else there is waits for a commit. */
  follow(table: RemapTable): void {
    let slot = 0;
    while (slot < table.count && table.mainSector(slot) === this.entries.mainAt(slot)) slot++;
    const pairs = new Map(this.entriesIn(slot, this.entries.count));
    for (const main of pairs.keys()) this.entries.remove(sectors(main));
    const add = (main: number): void => {
      const spare = pairs.get(main);
      if (spare !== undefined) this.entries.add(sectors(main), sectors(spare));
      pairs.delete(main);
    };
    for (; slot < table.count; slot++) add(table.mainSector(slot));
    for (const main of [...pairs.keys()]) add(main);
  }

  /** Takes the entries from this slot on away; returns what puts them behind the others again. */
  #aside(from: number): () => void {
    const pairs = this.entriesIn(from, this.entries.count);
    for (const [main] of pairs.toReversed()) this.entries.remove(sectors(main));
    return () => {
      for (const [main, spare] of pairs) this.entries.add(sectors(main), sectors(spare));
    };
  }
}

/** Where data may lie. A set without an extension has the plain layout: it runs to the end of the device. */
function dataArea(header: Header, device: BlockDevice): { start: Sectors; count: Sectors } {
  if (hasExtension(header))
    return { start: sectors(Number(header.data_start)), count: sectors(Number(header.data_sectors)) };
  const start = dataStart(header.max_entries);
  const end = Math.min(Number(header.spare_device_size), bytesToSectors(device.size));
  return { start, count: sectors(end - start) };
}
