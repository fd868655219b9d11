import type { Pairs } from '../../device/carry/batches.js';
import { carry, compare } from '../../device/carry/carry.js';
import { DeviceError, DmremapError } from '../../errors.js';
import { ENTRY_WORDS, type RemapTable, SIDE_WORD, TWO_32 } from '../../format/entry.js';
import { failureOf, type MetadataWriter } from '../../store/writer.js';
import { type Bytes, bytes, SECTOR_SIZE, type Sectors } from '../../units.js';
import type { Sides } from './sides.js';

/** How the data of all remaps comes to the target: steps 2 and 3 of format.md section 8, up to the commit. */

export interface CarryOverOptions {
  /** What becomes of sectors of the source that cannot be read. */
  readonly lost: 'fail' | 'zero';
  /** Raised, the work ends between two requests. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is being done, and of how many bytes how many are. */
  readonly progress?: ((label: string, done: Bytes, total: Bytes) => void) | undefined;
  /** Unix seconds. */
  readonly now: bigint;
  /** How often the cursor is saved; every few seconds unless told. */
  readonly save?: CursorSaves;
}

export interface CursorSaves {
  /** After so many sectors at least. */
  readonly sectors: number;
  /** And after so many milliseconds. */
  readonly milliseconds: number;
}

const SAVES: CursorSaves = { sectors: 32_768, milliseconds: 5000 };

/** A range that took less than this part of the time between two saves is soon copied. */
const SOON = 1 / 8;

/** So many times as long ranges become at most: a disk that turns slow in one is not saved before its end. */
const MOST_GROWTH = 8;

/** A flush that fails, and data that does not hold, are met so often. */
const ATTEMPTS = 3;

/** Which sectors of the source could not be read, by their place among the pairs, ascending. */
export interface CarriedOver {
  /** Their data is lost: the target has zeros where `lost` allows it, else the work has ended. */
  readonly lost: readonly number[];
  /** Read once and copied, and not read again to be compared. */
  readonly unproven: readonly number[];
}

/**
 * The live sectors of the source, ascending, and where they belong on the target: without a gap from `start` on.
 *
 * @param order of the entries by these sectors
 */
export function densePairs({ words }: RemapTable, order: Uint32Array, start: Sectors): Pairs {
  const from = (index: number): number => {
    const at = (order[index] as number) * ENTRY_WORDS + SIDE_WORD.spare;
    return (words[at + 1] as number) * TWO_32 + (words[at] as number);
  };
  return { count: order.length, from, to: (index) => start + index };
}

/**
 * Copies from the target's cursor on, then compares everything with what the target's medium holds until all is
 * equal. Both devices are held, and nobody writes to either.
 *
 * @throws DeviceError of the target, or of a source that is gone; the signal's reason
 */
export async function carryOver(
  { source, target }: Sides,
  pairs: Pairs,
  writer: MetadataWriter,
  options: CarryOverOptions,
): Promise<CarriedOver> {
  const work = new CarryOver({ source: source.data, target: target.data }, pairs, writer, options);
  const copied = await work.copy(Number(writer.content.header.migration_cursor));
  return copied ?? (await work.prove());
}

class CarryOver {
  readonly #devices: { readonly source: Sides['source']['data']; readonly target: Sides['target']['data'] };
  readonly #pairs: Pairs;
  readonly #writer: MetadataWriter;
  readonly #options: CarryOverOptions;
  /** Pairs from here on were written in this run, but for those in #unread. */
  #copiedFrom: number;
  /** What was written in this run although it lies before. */
  readonly #copiedAgain = new Set<number>();
  readonly #unread = new Set<number>();

  constructor(
    devices: { readonly source: Sides['source']['data']; readonly target: Sides['target']['data'] },
    pairs: Pairs,
    writer: MetadataWriter,
    options: CarryOverOptions,
  ) {
    this.#devices = devices;
    this.#pairs = pairs;
    this.#writer = writer;
    this.#options = options;
    this.#copiedFrom = pairs.count;
  }

  /** Copies the pairs from this one on. @returns what ends the work */
  async copy(first: number): Promise<CarriedOver | undefined> {
    const { save = SAVES, signal } = this.#options;
    const { count } = this.#pairs;
    const progress = this.#progress('copy', first);
    this.#copiedFrom = Math.min(this.#copiedFrom, first);
    let saved = performance.now();
    let length = save.sectors;
    for (let at = first; at < count; ) {
      const began = performance.now();
      const end = Math.min(count, at + length);
      const range = { ...this.#devices, pairs: this.#pairs, first: at, end, signal, progress };
      for (const index of await carry(range)) this.#unread.add(index);
      at = end;
      // between two ranges nothing is under way: where they are soon copied they become longer
      const isSoon = performance.now() - began < save.milliseconds * SOON;
      length = isSoon ? Math.min(length * 2, save.sectors * MOST_GROWTH) : save.sectors;
      if (performance.now() - saved < save.milliseconds || end === count) continue;
      await this.#saveCursor(end);
      saved = performance.now();
    }
    const lost = [...this.#unread];
    return this.#options.lost === 'fail' && lost.length > 0 ? { lost, unproven: [] } : undefined;
  }

  /** Compares all pairs, and copies again what differs, until nothing does. */
  async prove(): Promise<CarriedOver> {
    for (let attempt = 1; ; attempt++) {
      await this.#flush();
      const { signal } = this.#options;
      const progress = this.#progress('compare', 0);
      const found = await compare({ ...this.#devices, pairs: this.#pairs, signal, progress });
      const unproven = found.unreadable.filter((index) => this.#isCopied(index));
      const lost = found.unreadable.filter((index) => !this.#isCopied(index));
      if (this.#options.lost === 'fail' && found.unreadable.length > 0)
        return { lost: found.unreadable, unproven: [] };
      const kept = new Set(unproven);
      const again = found.differing.filter((index) => !kept.has(index));
      if (again.length === 0) return { lost, unproven };
      if (attempt === ATTEMPTS) throw this.#doesNotHold(again[0] ?? 0);
      await this.#copyAgain(again);
    }
  }

  /** Whether what the source gave for this pair was written in this run. */
  #isCopied(index: number): boolean {
    return (index >= this.#copiedFrom || this.#copiedAgain.has(index)) && !this.#unread.has(index);
  }

  /** After a flush that failed nothing is known of what was written: all of it is written again. */
  async #flush(): Promise<void> {
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#devices.target.flush();
      } catch (error) {
        if (!(error instanceof DeviceError) || attempt === ATTEMPTS) throw error;
        await this.copy(0);
      }
  }

  async #copyAgain(again: readonly number[]): Promise<void> {
    const { signal } = this.#options;
    const [first = 0] = again;
    // should the power fail now, a resume is to write these again
    if (first < Number(this.#writer.content.header.migration_cursor)) await this.#saveCursor(first);
    const { from, to } = this.#pairs;
    const pairs: Pairs = {
      count: again.length,
      from: (index) => from(again[index] ?? 0),
      to: (index) => to(again[index] ?? 0),
    };
    for (const index of again) this.#unread.delete(index);
    const unread = new Set(await carry({ ...this.#devices, pairs, signal }));
    for (const [place, index] of again.entries()) {
      if (unread.has(place)) this.#unread.add(index);
      else this.#copiedAgain.add(index);
    }
  }

  async #saveCursor(cursor: number): Promise<void> {
    const outcome = await this.#writer.commit(
      { header: { migration_cursor: BigInt(cursor) } },
      this.#options.now,
    );
    if (outcome.kind !== 'committed') throw failureOf(outcome, this.#devices.target.name);
  }

  #progress(label: string, first: number): ((more: number) => void) | undefined {
    const { progress } = this.#options;
    if (progress === undefined) return undefined;
    const total = bytes(this.#pairs.count * SECTOR_SIZE);
    let done = first * SECTOR_SIZE;
    progress(label, bytes(done), total);
    return (more) => {
      done += more;
      progress(label, bytes(done), total);
    };
  }

  #doesNotHold(index: number): DmremapError {
    const sector = this.#pairs.to(index);
    const { name } = this.#devices.target;
    return new DmremapError('io', `${name}: sector ${sector} does not hold what was written to it`, {
      data: { device: name, sector },
    });
  }
}
