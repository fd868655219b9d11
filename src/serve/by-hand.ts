import { DmremapError } from '../errors.js';
import { bytes, roundDown, roundUp, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { PutBack } from './put-back.js';
import type { RangeLocks } from './range-locks.js';
import { readHeld } from './read-held.js';
import type { SectorIo } from './sector-io.js';

/** Sectors that are moved together, and with one commit: others wait for neither. */
const TOGETHER = 64;
const COMMITTED_TOGETHER = 4096;

/** Sectors that are moved to the spare and back because an operator asks for it, while clients go on. */
export class ByHand {
  readonly #io: SectorIo;
  readonly #locks: RangeLocks;
  readonly #save: () => Promise<void>;

  constructor(io: SectorIo, locks: RangeLocks, save: () => Promise<void>) {
    this.#io = io;
    this.#locks = locks;
    this.#save = save;
  }

  /**
   * Moves sectors of main to the spare, with their data; those before the first that fails are moved, and saved.
   *
   * @throws DmremapError `usage` where one has moved already; `io` where it cannot be read or the spare does not
   * take it; `no-space`
   */
  async remap(first: Sectors, count: number): Promise<void> {
    let done = 0;
    try {
      for (let at: number = first; at < first + count; at += TOGETHER) {
        const end = Math.min(at + TOGETHER, first + count);
        const isTried = await this.#moveTogether(sectors(at), sectors(end));
        for (let sector = sectors(at); sector < end; sector = sectors(sector + 1), done++)
          if (!isTried || this.#io.side.entries.spareOf(sector) === undefined) await this.#moveOne(sector);
        if (this.#io.side.unsaved >= COMMITTED_TOGETHER) await this.#save();
      }
    } catch (error) {
      // what this comes to is told by the next save, and by the status
      if (done > 0) await this.#save().catch(() => undefined);
      throw afterSome(error, done, count, 'remapped');
    }
    await this.#save();
  }

  /** False where they are not moved together, since one has moved already or cannot be read. */
  #moveTogether(first: Sectors, end: Sectors): Promise<boolean> {
    return this.#hold(first, end, async () => {
      if (this.#io.side.entries.next(first) < end) return false;
      const data = new Uint8Array((end - first) * SECTOR_SIZE);
      const failures = await this.#io.read(bytes(first * SECTOR_SIZE), data);
      if (failures.length > 0) return false;
      await this.#move(first, data);
      return true;
    });
  }

  #moveOne(sector: Sectors): Promise<void> {
    return this.#hold(sector, sectors(sector + 1), async () => {
      if (this.#io.side.entries.spareOf(sector) !== undefined)
        throw new DmremapError('usage', `sector ${sector} is remapped already`);
      const refusal = await this.#move(sector, await readHeld(this.#io, sector));
      if (refusal !== undefined) throw refusal;
    });
  }

  /** Why one of them has found no place. */
  async #move(first: Sectors, data: Uint8Array): Promise<DmremapError | undefined> {
    const { moved, refusal } = await this.#io.moveRead(first, data);
    if (moved > 0) this.#io.counters.add('manual_remaps', moved);
    return refusal;
  }

  /**
   * Moves sectors back to main: written there, made durable, read back past the cache; then their entries go.
   *
   * @throws DmremapError `usage` where one has not moved; `io` where main does not keep it: it stays remapped
   */
  async unremap(first: Sectors, count: number): Promise<void> {
    const { entries } = this.#io.side;
    let end: number = first;
    while (end < first + count && entries.spareOf(sectors(end)) !== undefined) end++;
    const stay = await new PutBack(this.#io, this.#locks, this.#save).run(from(first, end));
    const [[, failure] = []] = stay;
    if (failure !== undefined) throw afterSome(failure, end - first - stay.size, count, 'unremapped');
    if (end === first + count) return;
    const missing = new DmremapError('usage', `sector ${end} is not remapped`);
    throw afterSome(missing, end - first, count, 'unremapped');
  }

  /** Moves all sectors back; returns those that stay, with the reason. */
  clear(): Promise<ReadonlyMap<Sectors, DmremapError>> {
    return new PutBack(this.#io, this.#locks, this.#save).run(this.#all());
  }

  /** The set may move meanwhile. */
  *#all(): Generator<Sectors> {
    const next = (at: number): number => this.#io.side.entries.next(at);
    for (let at = next(0); at !== Number.POSITIVE_INFINITY; at = next(at + 1)) yield sectors(at);
  }

  async #hold<Result>(first: Sectors, end: Sectors, work: () => Promise<Result>): Promise<Result> {
    const unit = this.#io.main.lockUnit;
    const [start, behind] = [roundDown(first * SECTOR_SIZE, unit), roundUp(end * SECTOR_SIZE, unit)];
    const lock = await this.#locks.acquire(start, behind, true);
    try {
      return await work();
    } finally {
      this.#locks.release(lock);
    }
  }
}

function* from(first: number, end: number): Generator<Sectors> {
  for (let sector = first; sector < end; sector++) yield sectors(sector);
}

/** Says how many were done before. */
function afterSome(error: unknown, done: number, count: number, what: string): unknown {
  if (!(error instanceof DmremapError) || done === 0) return error;
  return new DmremapError(error.code, `${error.message} (${done} of ${count} were ${what})`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
