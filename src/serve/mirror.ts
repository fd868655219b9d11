import { DmremapError } from '../errors.js';
import type { LiveEntries } from '../remap/live-entries.js';
import type { Move } from '../remap/mover.js';
import { SectorIndex } from '../remap/sector-index.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { patiently } from './patience.js';
import { RangeLocks } from './range-locks.js';
import type { Follower } from './spare-medium.js';
import type { SpareSide } from './spare-side.js';

/**
 * Keeps the target of a migration equal to the spare in use: what that has taken goes to the target too, and
 * an entry that is dropped there is dropped here. No request fails because of the target: its first failure
 * ends the migration.
 */
export class Mirror implements Follower {
  readonly target: SpareSide;
  /** Sectors of the spare in use that somebody writes or copies. */
  readonly #locks = new RangeLocks();
  /** Sectors of main that the target has an entry for, but not their data. */
  readonly missing = new Set<number>();
  /** Sectors of main whose data the target has got from elsewhere: the spare in use does not give it back. */
  readonly rescued = new Set<number>();
  /** Sectors of main whose data, or entry, somebody has begun to change since this was taken anew. */
  changed = new SectorIndex();
  readonly #failed: (error: unknown) => void;
  #isOver = false;

  /** @param failed is told of the first failure of the target */
  constructor(target: SpareSide, failed: (error: unknown) => void) {
    this.target = target;
    this.#failed = failed;
  }

  async write(at: Bytes, from: Uint8Array, main: Sectors, own: () => Promise<void>): Promise<void> {
    const first = bytesToSectors(at);
    const count = from.length / SECTOR_SIZE;
    for (let sector = main; sector < main + count; sector++) this.changed.set(sector, 0);
    await this.alone(first, count, async () => {
      await own();
      for (let sector = main; this.rescued.size > 0 && sector < main + count; sector++)
        this.rescued.delete(sector);
      const mains = Array.from({ length: count }, (_, index) => sectors(main + index));
      // the client's bytes are lent until it is answered, which may be before a slow target has taken them
      await this.#try(() => this.put(mains, from.slice()));
    });
  }

  async drop(main: Sectors, spare: Sectors, own: () => Promise<void>): Promise<void> {
    this.changed.set(main, 0);
    await this.alone(spare, 1, async () => {
      await own();
      if (this.target.entries.spareOf(main) !== undefined)
        await this.#try(() => patiently(this.target.device.name, () => this.target.drop(main)));
    });
  }

  /** Drops the entries that the spare in use has not got, while nothing changes there. */
  async dropOthers(entries: LiveEntries): Promise<void> {
    const { target } = this;
    const others: Sectors[] = [];
    target.entries.walk(0, Number.POSITIVE_INFINITY, (main) => {
      if (entries.spareOf(main) === undefined) others.push(main);
    });
    await patiently(target.device.name, () => Promise.all(others.map((main) => target.drop(main))));
  }

  /** Does this while nobody else writes or copies these sectors of the spare in use. */
  async alone(first: Sectors, count: number, work: () => Promise<void>): Promise<void> {
    const lock = await this.#locks.acquire(first, first + count, true);
    try {
      await work();
    } finally {
      this.#locks.release(lock);
    }
  }

  /**
   * Gives sectors of main their data on the target, and a place where they have none.
   *
   * @param data of all of them, one after the other
   * @throws DmremapError `no-space`, DeviceError; no entry is made then
   */
  async put(mains: readonly Sectors[], data: Uint8Array): Promise<void> {
    const { target } = this;
    const moves = runsOf(mains).flatMap(([first, end]) => target.mover.begin(first, end));
    try {
      const places = placesOf(target, mains, moves);
      const pieces = piecesOf(places, data);
      await patiently(target.device.name, () =>
        Promise.all(pieces.map(([at, part]) => target.medium.fill(at, part))),
      );
    } catch (error) {
      for (const move of moves) target.mover.abandon(move);
      throw error;
    }
    for (const move of moves) target.mover.finish(move);
    if (this.missing.size > 0) for (const main of mains) this.missing.delete(main);
  }

  async #try(work: () => Promise<void>): Promise<void> {
    if (this.#isOver) return;
    try {
      await work();
    } catch (error) {
      this.#isOver = true;
      this.#failed(error);
    }
  }
}

/** First and behind the last of each run of adjacent sectors. */
function runsOf(mains: readonly Sectors[]): [first: Sectors, end: Sectors][] {
  const runs: [Sectors, Sectors][] = [];
  for (const main of mains) {
    const last = runs.at(-1);
    if (last?.[1] === main) last[1] = sectors(main + 1);
    else runs.push([main, sectors(main + 1)]);
  }
  return runs;
}

/** Where each sector lives, or is about to. */
function placesOf(
  { entries, device }: SpareSide,
  mains: readonly Sectors[],
  moves: readonly Move[],
): Sectors[] {
  const fresh = new Map<number, number>();
  for (const { main, spare, count } of moves)
    for (let index = 0; index < count; index++) fresh.set(main + index, spare + index);
  return mains.map((main) => {
    const place = entries.spareOf(main) ?? fresh.get(main);
    if (place === undefined) throw new DmremapError('no-space', `${device.name} is full`);
    return sectors(place);
  });
}

/** Data whose places are adjacent, and where it goes. */
function piecesOf(places: readonly Sectors[], data: Uint8Array): [at: Bytes, part: Uint8Array][] {
  const pieces: [Bytes, Uint8Array][] = [];
  for (let from = 0; from < places.length; ) {
    const first = places[from] as Sectors;
    let end = from + 1;
    while (places[end] === first + end - from) end++;
    pieces.push([bytes(first * SECTOR_SIZE), data.subarray(from * SECTOR_SIZE, end * SECTOR_SIZE)]);
    from = end;
  }
  return pieces;
}
