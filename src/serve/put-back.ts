import { DmremapError } from '../errors.js';
import { bytes, roundDown, SECTOR_SIZE, type Sectors } from '../units.js';
import type { RangeLock, RangeLocks } from './range-locks.js';
import { readHeld } from './read-held.js';
import type { SectorIo } from './sector-io.js';

/** Sectors that are held together at most. */
const MOST = 128;

/** So long others may wait for sectors that are moved together, in milliseconds: beyond, fewer are. */
const SHORT = 25;

/** Sectors of one lock unit of main, which are written one after the other, and what keeps others from them. */
interface Held {
  readonly lock: RangeLock;
  readonly mains: readonly Sectors[];
}

/**
 * Moves sectors back to main: written there, made durable, read back past the cache; then their entries go
 * (format.md section 4). Many share a flush and a commit.
 */
export class PutBack {
  readonly #io: SectorIo;
  readonly #locks: RangeLocks;
  readonly #save: () => Promise<void>;
  #together = 1;

  constructor(io: SectorIo, locks: RangeLocks, save: () => Promise<void>) {
    this.#io = io;
    this.#locks = locks;
    this.#save = save;
  }

  /**
   * As many at a time as others can wait for; sectors that have no entry any more are passed over.
   *
   * @param mains ascending
   * @returns those that stay, with the reason
   */
  async run(mains: Iterable<Sectors>): Promise<Map<Sectors, DmremapError>> {
    const stay = new Map<Sectors, DmremapError>();
    let group: Sectors[] = [];
    for (const main of mains) {
      group.push(main);
      if (group.length < this.#together) continue;
      await this.#moveAll(group, stay);
      group = [];
    }
    await this.#moveAll(group, stay);
    return stay;
  }

  async #moveAll(group: readonly Sectors[], stay: Map<Sectors, DmremapError>): Promise<void> {
    const rest = unitsOf(group, this.#io.main.lockUnit);
    while (rest.size > 0) {
      // what the spare lacks is written there first: no entry can be dropped before, and it needs its own locks
      if (!this.#io.side.medium.log.unknown.isEmpty) await this.#save().catch(() => undefined);
      const held = await this.#hold(rest);
      const began = performance.now();
      try {
        await this.#move(held, stay);
      } finally {
        for (const { lock } of held) this.#locks.release(lock);
      }
      const isShort = performance.now() - began < SHORT;
      this.#together = isShort ? Math.min(MOST, this.#together * 2) : Math.max(1, this.#together >> 1);
    }
  }

  /**
   * Holds the first of these units, and of the others those that nobody uses: whoever holds something must
   * not wait. What is held is taken out.
   */
  async #hold(units: Map<number, readonly Sectors[]>): Promise<Held[]> {
    const held: Held[] = [];
    const unit = this.#io.main.lockUnit;
    for (const [from, mains] of units) {
      if (held.length > 0 && !this.#locks.isFree(from, from + unit)) continue;
      held.push({ lock: await this.#locks.acquire(from, from + unit, true), mains });
      units.delete(from);
    }
    return held;
  }

  async #move(held: readonly Held[], stay: Map<Sectors, DmremapError>): Promise<void> {
    const { main, policy } = this.#io;
    const written = new Map<Sectors, Uint8Array>();
    await Promise.all(held.map(({ mains }) => this.#write(mains, written, stay)));
    if (written.size === 0) return;
    const flushed = main.flush();
    await Promise.all(
      [...written].map(([sector, data]) =>
        unlessFailed(stay, sector, async () => {
          await flushed;
          await main.verify(sector, data);
          await this.#io.drop(sector);
          policy.settled(sector, sector + 1);
        }),
      ),
    );
  }

  /** Sectors of one unit, which main would not keep apart if they were written at the same time. */
  async #write(
    mains: readonly Sectors[],
    written: Map<Sectors, Uint8Array>,
    stay: Map<Sectors, DmremapError>,
  ): Promise<void> {
    for (const sector of mains)
      await unlessFailed(stay, sector, async () => {
        // it may have gone back meanwhile
        if (this.#io.side.entries.spareOf(sector) === undefined) return;
        const data = await readHeld(this.#io, sector);
        await this.#io.main.write(bytes(sector * SECTOR_SIZE), data);
        written.set(sector, data);
      });
  }
}

async function unlessFailed(
  stay: Map<Sectors, DmremapError>,
  sector: Sectors,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DmremapError)) throw error;
    stay.set(sector, error);
  }
}

/** Ascending, by where their units begin, in bytes. */
function unitsOf(mains: readonly Sectors[], unit: number): Map<number, readonly Sectors[]> {
  const units = new Map<number, Sectors[]>();
  for (const main of mains) {
    const from = roundDown(main * SECTOR_SIZE, unit);
    const members = units.get(from);
    if (members === undefined) units.set(from, [main]);
    else members.push(main);
  }
  return units;
}
