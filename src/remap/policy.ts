import { roundDown, roundUp } from '../units.js';
import { SectorIndex } from './sector-index.js';

/**
 * write: a sector that main does not take is moved to the spare. salvage: so is one that could only be read
 * when it was tried again. off: nothing is moved.
 */
export type RemapMode = 'write' | 'salvage' | 'off';

export interface PolicySettings {
  readonly mode: RemapMode;
  /** Sectors of main's physical block, the unit in which it fails: 1 or 8. */
  readonly blockSectors: number;
  /** How often a sector is read before it is given up, the first time included. */
  readonly readAttempts: number;
  /** After so long it is not tried again: below the time that clients wait for an answer. */
  readonly readMilliseconds: number;
}

/** How the reading of one sector has gone. */
export interface Attempt {
  /** Including the last. */
  readonly attempts: number;
  readonly elapsedMilliseconds: number;
}

/**
 * What becomes of sectors of main that fail. It decides on sectors that live on main and remembers which are
 * pending: nobody knows their data, so it is never invented, and the next write of a whole sector moves them.
 */
export class Policy {
  /** The pending sectors; their values mean nothing. */
  readonly pending = new SectorIndex();
  /** Sectors that have found no place on the spare when they were to have one; their values mean nothing. */
  readonly unplaced = new SectorIndex();
  readonly #settings: PolicySettings;

  constructor(settings: PolicySettings) {
    this.#settings = settings;
  }

  /** Where a write of this whole sector goes: main is not asked again to take what it could not read. */
  placeOfWrite(sector: number): 'main' | 'spare' {
    return this.#settings.mode !== 'off' && this.pending.has(sector) ? 'spare' : 'main';
  }

  /** Main has failed to read a sector. Given up, it is pending, and the answer is EIO for it alone. */
  readFailed(sector: number, { attempts, elapsedMilliseconds }: Attempt): 'retry' | 'give up' {
    const { readAttempts, readMilliseconds } = this.#settings;
    const known = this.pending.has(sector);
    if (!known && attempts < readAttempts && elapsedMilliseconds < readMilliseconds) return 'retry';
    this.pending.set(sector, 0);
    return 'give up';
  }

  /** Main has read a sector, at last: it may be the last time. */
  readSucceeded(sector: number, { attempts }: Pick<Attempt, 'attempts'>): 'keep' | 'move' {
    const doubtful = this.pending.delete(sector) || attempts > 1;
    return doubtful && this.#settings.mode === 'salvage' ? 'move' : 'keep';
  }

  /**
   * Main did not take these sectors, from `first` to below `end`, whose new data is at hand. The rest of their
   * physical blocks has gone with them and is pending, unless `isRemapped` says that it lives elsewhere.
   */
  writeFailed(first: number, end: number, isRemapped: (sector: number) => boolean): 'move' | 'give up' {
    const { blockSectors, mode } = this.#settings;
    const from = roundDown(first, blockSectors);
    for (let sector = from; sector < roundUp(end, blockSectors); sector++)
      if (!isRemapped(sector)) this.pending.set(sector, 0);
    return mode === 'off' ? 'give up' : 'move';
  }

  /** The spare has no place for these sectors, or does not take them. */
  foundNoPlace(homeless: readonly number[]): void {
    for (const sector of homeless) this.unplaced.set(sector, 0);
  }

  /** Whether settled() would change anything. */
  get isConcerned(): boolean {
    return this.pending.size + this.unplaced.size > 0;
  }

  /** These sectors hold what was written last, on main or on the spare. */
  settled(first: number, end: number): void {
    if (!this.isConcerned) return;
    for (let sector = first; sector < end; sector++) {
      this.pending.delete(sector);
      this.unplaced.delete(sector);
    }
  }
}
