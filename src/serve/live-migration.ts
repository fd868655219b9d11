import { setTimeout as delay } from 'node:timers/promises';
import { DmremapError } from '../errors.js';
import { SectorIndex } from '../remap/sector-index.js';
import { SECTOR_SIZE, sectors } from '../units.js';
import { HandOver } from './hand-over.js';
import { Mirror } from './mirror.js';
import { endsWithin } from './patience.js';
import { Proof } from './proof.js';
import type { SectorIo } from './sector-io.js';
import { SpareCopy } from './spare-copy.js';
import { NotDurable } from './spare-medium.js';
import type { Clock, SpareSide } from './spare-side.js';

/** So long changes of the spare may take to end before the way is free for others again, in milliseconds. */
const HOLD = 1000;

/** So often the hand-over is tried while writes to FROM fail. */
const ROUNDS = 4;

/** Sectors that are named in one message. */
const NAMED = 16;

/** Where a migration is. While it is `held` nobody is answered: no spare can be made sure of. */
export type MigrationPhase = 'copying' | 'comparing' | 'switching' | 'held' | 'done' | 'cancelled' | 'failed';

const UNDER_WAY: readonly MigrationPhase[] = ['copying', 'comparing', 'switching', 'held'];

export interface MigrationFacts {
  readonly phase: MigrationPhase;
  readonly isUnderWay: boolean;
  /** The name of the target. */
  readonly target: string;
  /** Bytes that are copied, or compared, in this phase. */
  readonly done: number;
  readonly total: number;
  /** Why it ended without success. */
  readonly failure: DmremapError | undefined;
}

export interface MigrationOptions {
  readonly now: Clock;
  /** Of the spare in use, before the target got its entries. */
  readonly dropped: number;
  /** Commits the spare in use, what has failed before included. */
  readonly save: () => Promise<void>;
  /** Called once it has ended, either way. */
  readonly ended: (facts: MigrationFacts) => void;
}

/**
 * Moves a set in use to another spare while clients go on (format.md section 8). The target has role 1, and
 * no entries yet. Whatever fails, the spare in use stays what it is, until the one commit that decides.
 */
export class LiveMigration {
  readonly #io: SectorIo;
  /** Once the set is on the other it is that one: what the old one had in memory is not kept. */
  #from: SpareSide;
  readonly #to: SpareSide;
  readonly #options: MigrationOptions;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #ended: Promise<void>;
  #phase: MigrationPhase = 'copying';
  #done = 0;
  #failure: DmremapError | undefined;

  constructor(io: SectorIo, to: SpareSide, options: MigrationOptions) {
    this.#io = io;
    this.#from = io.side;
    this.#to = to;
    this.#options = options;
    this.#ended = this.#run().then(() => options.ended(this.facts));
  }

  get facts(): MigrationFacts {
    return {
      phase: this.#phase,
      isUnderWay: UNDER_WAY.includes(this.#phase),
      target: this.#to.device.name,
      done: this.#done,
      total:
        this.#phase === 'done' ? this.#done : Math.max(this.#done, this.#from.entries.count * SECTOR_SIZE),
      failure: this.#failure,
    };
  }

  /** Ends it before the commit point, if that is still to come; resolves once it has ended, either way. */
  async cancel(): Promise<void> {
    this.#stopping.abort(new DmremapError('cancelled', 'it was cancelled'));
    await this.#ended;
  }

  /**
   * The same where nobody is left to be answered: what is held is given up.
   *
   * @throws DmremapError where neither spare could be made sure of
   */
  async close(): Promise<void> {
    this.#leaving.abort();
    await this.cancel();
    if (this.#isUncertain && this.#failure !== undefined) throw this.#failure;
  }

  async #run(): Promise<void> {
    try {
      await this.#move();
      this.#phase = 'done';
      const old = this.#from;
      this.#from = this.#to;
      await leave(old);
    } catch (error) {
      this.#from.medium.follower = undefined;
      // whichever of the two counts now, both hold the same: nothing is written to either any more
      if (this.#isUncertain) this.#from.retire();
      this.#fail(error);
      await leave(this.#to);
    }
  }

  /** It has failed behind the commit point: nobody is answered any more. */
  get #isUncertain(): boolean {
    return this.#io.answers.isShut;
  }

  #fail(error: unknown): void {
    const { aborted, reason } = this.#stopping.signal;
    const first: unknown = aborted && !this.#isUncertain ? reason : error;
    this.#failure =
      first instanceof DmremapError ? first : new DmremapError('io', String(first), { cause: first });
    this.#phase = this.#failure.code === 'cancelled' ? 'cancelled' : 'failed';
  }

  async #move(): Promise<void> {
    const { signal } = this.#stopping;
    const mirror = new Mirror(this.#to, (error) => {
      this.#from.medium.follower = undefined;
      this.#stopping.abort(error);
    });
    await this.#alone(async () => {
      if (this.#from.dropped !== this.#options.dropped) await mirror.dropOthers(this.#from.entries);
      this.#from.medium.follower = mirror;
    });
    await new SpareCopy(this.#from, mirror, {
      signal,
      progress: this.#progress,
      readElsewhere: (main, into) => this.#io.readLeftOnMain(main, into),
    }).run();
    // so that little is left to be written while others wait
    await this.#to.save();
    this.#refuseLost(this.#liveOf(mirror.missing), this.#liveOf(mirror.rescued));
    this.#phase = 'comparing';
    this.#done = 0;
    const proof = new Proof(this.#from, mirror, { signal, compared: this.#progress });
    await proof.ahead((work) => this.#alone(work));
    await this.#handOverSaved(proof);
  }

  /** A write to FROM that fails takes along what was written there before: it is written again, and then tried anew. */
  async #handOverSaved(proof: Proof): Promise<void> {
    for (let round = 1; ; round++) {
      await this.#saveSource();
      try {
        return await this.#alone(() => this.#handOver(proof));
      } catch (error) {
        if (!(error instanceof NotDurable) || round === ROUNDS) throw error;
      }
    }
  }

  /** What FROM has got last is durable there; else it could not be retired either. */
  async #saveSource(): Promise<void> {
    try {
      await this.#options.save();
      // a copy that takes no write is found while that costs nobody anything
      await this.#from.touch();
    } catch (error) {
      if (!(error instanceof DmremapError)) throw error;
      const names = [this.#from.device.name, this.#to.device.name] as const;
      throw new DmremapError('io', `${error.message}: ${names[0]} cannot be retired; all is on ${names[1]}`, {
        cause: error,
      });
    }
  }

  readonly #progress = (more: number): void => {
    this.#done += more;
  };

  /** Those that are remapped still. */
  #liveOf(mains: Iterable<number>): number[] {
    return [...mains].filter((main) => this.#from.entries.spareOf(sectors(main)) !== undefined);
  }

  /**
   * @param lost sectors that nobody has
   * @param rescued sectors that TO has, but FROM has not
   */
  #refuseLost(lost: readonly number[], rescued: readonly number[]): void {
    const count = lost.length + rescued.length;
    if (count === 0) return;
    const { device, entries } = this.#from;
    const named = lost.length === 0 ? '' : `: ${lost.slice(0, NAMED).join(' ')}`;
    const more = lost.length > NAMED ? ', and more' : '';
    throw new DmremapError(
      'io',
      `${device.name} does not give back ${count} of ${entries.count} sectors, of which ${lost.length} would be lost${named}${more}; all others are on ${this.#to.device.name}`,
    );
  }

  /** Does this while nothing changes on the spare in use, once what is under way there has ended. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const { gate } = this.#io;
    const { signal } = this.#stopping;
    for (;;) {
      signal.throwIfAborted();
      gate.shut();
      try {
        if (await endsWithin(HOLD, gate.emptied())) return await work();
      } finally {
        if (!this.#isUncertain) gate.open();
      }
      // a request hangs: others are not to hang with it
      await delay(HOLD, undefined, { signal });
    }
  }

  async #handOver(proof: Proof): Promise<void> {
    const { answers } = this.#io;
    const handOver = new HandOver(this.#io, this.#to, {
      now: this.#options.now,
      proof,
      signal: this.#stopping.signal,
      leaving: this.#leaving.signal,
      committing: () => {
        this.#phase = 'switching';
        answers.shut();
      },
      held: () => {
        this.#phase = 'held';
      },
      settled: () => {
        this.#phase = 'switching';
        answers.open();
      },
    });
    await handOver.run();
    this.#io.lost = new SectorIndex();
  }
}

/** A device that hangs is not waited for for ever. */
async function leave(side: SpareSide): Promise<void> {
  await endsWithin(HOLD, side.leave());
}
