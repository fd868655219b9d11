import { setTimeout as delay } from 'node:timers/promises';
import { DmremapError } from '../errors.js';
import { type Header, ROLE, STATE } from '../format/header.js';
import { generationAfter } from '../migrate/pairs.js';
import { activated, completed, notRetired, retired } from '../migrate/target.js';
import { isWholeInAll } from '../store/lost-copy.js';
import { failureOf, type MetadataWriter } from '../store/writer.js';
import { patiently } from './patience.js';
import type { Proof } from './proof.js';
import type { SectorIo } from './sector-io.js';
import type { Clock, SpareSide } from './spare-side.js';

/** Between two attempts to write a spare that does not take it, in milliseconds. */
const AGAIN = 1000;

export interface HandOverOptions {
  readonly now: Clock;
  /** That TO has all; most of it is done. */
  readonly proof: Proof;
  /** Raised, it ends before the commit point. */
  readonly signal: AbortSignal;
  /** Raised, a spare that does not take what it has to is given up; nobody may be answered any more. */
  readonly leaving: AbortSignal;
  /** The commit point is near: nobody is to be answered from now on. */
  readonly committing: () => void;
  /** FROM could not be retired, and its copies do not yet say that it is in use. */
  readonly held: () => void;
  /** Which spare is in use is certain again. */
  readonly settled: () => void;
}

/**
 * Steps 3 to 5 of format.md section 8: TO is proven to hold all of FROM, FROM is retired, TO becomes active.
 * Nothing changes on either meanwhile but by this.
 */
export class HandOver {
  readonly #io: SectorIo;
  readonly #from: SpareSide;
  readonly #to: SpareSide;
  readonly #options: HandOverOptions;

  constructor(io: SectorIo, to: SpareSide, options: HandOverOptions) {
    this.#io = io;
    this.#from = io.side;
    this.#to = to;
    this.#options = options;
  }

  /** @throws DmremapError where FROM is still the spare in use */
  async run(): Promise<void> {
    const [from, to] = [this.#from, this.#to];
    await from.save();
    await patiently(to.device.name, () => to.save());
    await patiently(to.device.name, () => to.device.flush());
    await this.#options.proof.rest();
    await from.exclusively((source) => to.exclusively((target) => this.#commit(source, target)));
    from.retire();
    to.takeOver(this.#io.counters);
    this.#io.side = to;
    this.#options.settled();
  }

  async #commit(source: MetadataWriter, target: MetadataWriter): Promise<void> {
    const { now, signal, committing } = this.#options;
    const { header } = source.content;
    const proven = await patiently(this.#to.device.name, () =>
      target.commit({ header: completed(header, target.content.header.entry_count, 0) }, now()),
    );
    if (proven.kind !== 'committed') throw failureOf(proven, this.#to.device.name);
    if (!(await isWholeInAll(this.#from.device, source)))
      throw new DmremapError(
        'io',
        `${this.#from.device.name} cannot be retired: one of its copies can be neither written nor erased`,
      );
    const wasDegraded = source.health === 'degraded';
    signal.throwIfAborted();
    committing();
    const retirement = await source.commitToAll({ header: retired(target.content.header) }, now());
    if (retirement.kind !== 'committed' && !(retirement.kind === 'degraded' && wasDegraded)) {
      await this.#takeBack(source, target, notRetired(header));
      throw failureOf(retirement, this.#from.device.name);
    }
    // unlike FROM, TO may go on with one copy
    const active = await target.commit(
      {
        header: { ...activated(target.content.header, source.content.header.generation), state: STATE.dirty },
      },
      now(),
    );
    if (active.kind === 'committed' || active.kind === 'degraded') return;
    // it may yet say that it is active: FROM has to be the newer one, and name it
    await this.#takeBack(source, target, {
      ...notRetired(header),
      peer_uuid: target.content.header.spare_uuid,
      peer_generation: target.content.header.generation,
    });
    throw failureOf(active, this.#to.device.name);
  }

  /**
   * FROM is in use again once all copies that can be found say so, under a generation newer than all that was
   * written. Until then it is tried again and again.
   */
  async #takeBack(source: MetadataWriter, target: MetadataWriter, before: Partial<Header>): Promise<void> {
    const { leaving, held, settled } = this.#options;
    held();
    for (;;) {
      const generation = generationAfter(source.content.header.generation, target.content.header.generation);
      if (await this.#isTakenBack(source, { ...before, generation })) return settled();
      if (leaving.aborted) throw this.#uncertain();
      await delay(AGAIN);
    }
  }

  /** One attempt: whether every copy that can be found says so now. */
  async #isTakenBack(source: MetadataWriter, header: Partial<Header>): Promise<boolean> {
    if (source.health === 'unknown') await source.mend(header);
    else {
      // what says that FROM is retired is not written anew: TO does not know its generation
      if (source.health === 'degraded' && source.content.header.role === ROLE.active) await source.mend();
      const { kind } = await source.commit({ header }, this.#options.now());
      if (kind === 'failed' || kind === 'unknown') return false;
    }
    return isWholeInAll(this.#from.device, source);
  }

  #uncertain(): DmremapError {
    const names = `${this.#from.device.name} ${this.#to.device.name}`;
    return new DmremapError('io', `${this.#from.device.name} could neither be retired nor taken back`, {
      hint: `whatever was answered is on both; next: dmremap check -p ${names}`,
    });
  }
}
