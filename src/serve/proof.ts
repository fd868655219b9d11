import { compare } from '../device/carry/carry.js';
import { readPastCache } from '../device/past-cache.js';
import { DeviceError, DmremapError } from '../errors.js';
import { SectorIndex } from '../remap/sector-index.js';
import { bytes, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { BySpare } from './by-spare.js';
import type { Mirror } from './mirror.js';
import { Pace } from './pace.js';
import { patiently } from './patience.js';
import type { SpareSide } from './spare-side.js';

/** Bytes a second that are compared at most while clients go on. */
const RATE = 64 << 20;

/** Sectors that are compared before it is looked who has come and gone. */
const AT_A_TIME = 1024;

/** So few sectors that were written meanwhile are compared while clients wait. */
const FEW = 2048;

/** How often what was written meanwhile is compared while clients go on, where it is more than that. */
const ROUNDS = 3;

export interface ProofOptions {
  /** Raised, it ends between two requests. */
  readonly signal: AbortSignal;
  /** Told how many bytes more were compared. */
  readonly compared: (more: number) => void;
}

/**
 * The proof that the target of a migration has what the spare in use has (format.md section 8, step 3): the same
 * entries, and in each sector the same data, compared past the cache after a flush that covers what was written
 * there last. Nearly all is done while clients go on; what they change meanwhile is compared again.
 */
export class Proof {
  readonly #from: SpareSide;
  readonly #to: SpareSide;
  readonly #mirror: Mirror;
  readonly #options: ProofOptions;
  /** Sectors of main, of the spare in use and of the target, which are just being compared. */
  readonly #room = [0, 0, 0].map(() => new Float64Array(AT_A_TIME)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];

  constructor(from: SpareSide, mirror: Mirror, options: ProofOptions) {
    this.#from = from;
    this.#to = mirror.target;
    this.#mirror = mirror;
    this.#options = options;
  }

  /**
   * While clients go on.
   *
   * @param alone does something while nothing changes
   * @throws DmremapError, DeviceError where there is no proof; the signal's reason
   */
  async ahead(alone: (work: () => Promise<void>) => Promise<void>): Promise<void> {
    await this.#turn(alone);
    const all = await BySpare.of(this.#to.entries);
    await this.#compare(all, new Pace(RATE));
    for (let round = 0; round < ROUNDS && this.#mirror.changed.size > FEW; round++) {
      const changed = await this.#turn(alone);
      await this.#compare(await BySpare.among(this.#to.entries, changed), new Pace(RATE));
    }
  }

  /** Nobody is on his way to a sector when what changes from now on is taken down anew. */
  async #turn(alone: (work: () => Promise<void>) => Promise<void>): Promise<SectorIndex> {
    const { changed } = this.#mirror;
    await alone(async () => {
      this.#mirror.changed = new SectorIndex();
    });
    await this.#to.save();
    return changed;
  }

  /** What is left, while nothing changes and the target is flushed. @throws as ahead() */
  async rest(): Promise<void> {
    const { changed } = this.#mirror;
    const [from, to] = [this.#from.entries, this.#to.entries];
    let isSame = from.count === to.count;
    changed.walk(0, Number.POSITIVE_INFINITY, (main) => {
      isSame &&= (from.spareOf(sectors(main)) === undefined) === (to.spareOf(sectors(main)) === undefined);
    });
    if (!isSame) throw this.#lacks();
    await this.#compare(await BySpare.among(to, changed));
  }

  async #compare(order: BySpare, pace?: Pace): Promise<void> {
    for (let first = 0; first < order.count; first += AT_A_TIME) {
      this.#options.signal.throwIfAborted();
      const end = Math.min(order.count, first + AT_A_TIME);
      const unequal = await this.#unequal(order, first, end);
      for (const main of unequal) await this.#compareOne(main, pace === undefined);
      await pace?.worked((end - first) * SECTOR_SIZE);
    }
  }

  /** The sectors of main that differ, or seem to: somebody may be writing them. */
  async #unequal(order: BySpare, first: number, end: number): Promise<Sectors[]> {
    const [from, to] = [this.#from, this.#to];
    const [mains, froms, tos] = this.#room;
    let count = 0;
    for (let index = first; index < end; index++) {
      const [main, place] = [order.mainAt(index), order.spareAt(index)];
      // what has left this place since is compared again
      if (to.entries.spareOf(main) !== place) continue;
      const own = from.entries.spareOf(main);
      if (own === undefined) {
        if (!this.#mirror.changed.has(main)) throw this.#lacks();
        continue;
      }
      [mains[count], froms[count], tos[count]] = [main, own, place];
      count++;
    }
    const pairs = {
      count,
      from: (index: number) => froms[index] as number,
      to: (index: number) => tos[index] as number,
    };
    const { signal, compared } = this.#options;
    const { unreadable, differing } = await this.#patiently((goesOn, givenUp) =>
      compare({
        source: from.device,
        target: to.device,
        pairs,
        signal: AbortSignal.any([signal, givenUp]),
        progress: (more) => {
          compared(more);
          goesOn();
        },
      }),
    );
    return [...unreadable, ...differing].map((index) => sectors(mains[index] as number));
  }

  /**
   * The same of one sector, which nobody writes meanwhile. While clients go on a write may have failed there and
   * be about to find another place: then it is compared again, since it has changed.
   */
  async #compareOne(main: Sectors, isLast: boolean): Promise<void> {
    const [from, to] = [this.#from, this.#to];
    const place = from.entries.spareOf(main);
    if (place === undefined) return;
    await this.#mirror.alone(place, 1, async () => {
      const target = to.entries.spareOf(main);
      if (from.entries.spareOf(main) !== place) return;
      if (target === undefined) throw this.#lacks();
      const isAgain = (): boolean => !isLast && this.#mirror.changed.has(main);
      try {
        if ((await this.#isEqual(place, target)) || isAgain()) return;
      } catch (error) {
        if (error instanceof DeviceError && isAgain()) return;
        throw error;
      }
      throw new DmremapError(
        'io',
        `${to.device.name} does not hold what was written to it: sector ${target}`,
      );
    });
  }

  async #isEqual(place: Sectors, target: Sectors): Promise<boolean> {
    const [ours, theirs] = [new Uint8Array(SECTOR_SIZE), new Uint8Array(SECTOR_SIZE)];
    await this.#patiently(async () => {
      await this.#from.device.read(bytes(place * SECTOR_SIZE), ours);
      await readPastCache(this.#to.device, bytes(target * SECTOR_SIZE), theirs);
    });
    return Buffer.compare(ours, theirs) === 0;
  }

  #patiently<Result>(work: Parameters<typeof patiently<Result>>[1]): Promise<Result> {
    return patiently(`${this.#from.device.name} or ${this.#to.device.name}`, work);
  }

  #lacks(): DmremapError {
    return new DmremapError('io', `${this.#to.device.name} has not got all remaps`);
  }
}
