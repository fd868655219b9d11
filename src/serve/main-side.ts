import { setTimeout } from 'node:timers/promises';
import { answeringAtOnce } from '../device/at-once.js';
import type { BlockDevice } from '../device/block-device.js';
import { isGone, isMediumError } from '../device/errnos.js';
import { type PartFailure, writeParts } from '../device/parts.js';
import { failsInPages, readPastCache } from '../device/past-cache.js';
import { DeviceError, DmremapError } from '../errors.js';
import type { Policy } from '../remap/policy.js';
import type { Run } from '../remap/route.js';
import {
  type Bytes,
  bytes,
  bytesToSectors,
  roundDown,
  roundUp,
  SECTOR_SIZE,
  type Sectors,
} from '../units.js';
import type { Counters } from './counters.js';
import { Joined } from './joined.js';
import { WriteLog } from './write-log.js';

/** Bytes of main, and what the system says about them. */
export interface Failed {
  readonly at: number;
  readonly end: number;
  readonly error: DeviceError;
}

/** What becomes of a sector that could only be read when it was tried again. */
export type Salvage = (at: number, data: Uint8Array) => Promise<void>;

/** A request to read that goes slowly. */
export interface Reading {
  /** When it came, in milliseconds: what has failed later is not tried again for it. */
  readonly since: number;
  /** Until then it has to be answered. */
  readonly until: number;
  readonly salvage: Salvage;
}

/** Sizes in bytes of the pieces that a failed request is cut into, before its smallest ones. */
const PIECES: readonly number[] = [65536, 4096];

/** Between two attempts to read a sector, in milliseconds. */
const PAUSE = 50;

/** The failing disk: what can be read and written of it, and what cannot. */
export class MainSide {
  readonly device: BlockDevice;
  readonly log = new WriteLog();
  readonly #atOnce: ReturnType<typeof answeringAtOnce>;
  readonly #policy: Policy;
  readonly #counters: Counters;
  readonly #flushing = new Joined(() => this.#flush());
  /** Main sectors that have failed to be read, and when, in milliseconds. */
  readonly #failedAt = new Map<number, number>();

  constructor(device: BlockDevice, policy: Policy, counters: Counters) {
    this.device = device;
    this.#atOnce = answeringAtOnce(device);
    this.#policy = policy;
    this.#counters = counters;
  }

  /** See AnswersAtOnce. */
  readAtOnce(at: number, into: Uint8Array, from: number, length: number): boolean {
    return this.#atOnce?.readAtOnce(at, into, from, length) === true;
  }

  /** See AnswersAtOnce. */
  writeAtOnce(at: number, source: Uint8Array, from: number, length: number): boolean {
    if (this.#atOnce?.writeAtOnce(at, source, from, length) !== true) return false;
    this.wrote(at, at + length, this.log.moment);
    return true;
  }

  /** @throws DeviceError */
  async write(at: Bytes, from: Uint8Array): Promise<void> {
    const { moment } = this.log;
    await this.device.write(at, from);
    this.wrote(at, at + from.length, moment);
  }

  /** Writes what main has of a request; resolves to what failed. */
  async writeRuns(runs: readonly Run[], from: Uint8Array): Promise<readonly PartFailure<Run>[]> {
    const { moment } = this.log;
    const failures = await writeParts(this.device, runs, from);
    const failed = new Set(failures.map(({ part }) => part));
    for (const run of runs) if (!failed.has(run)) this.wrote(run.at, run.at + run.length, moment);
    return failures;
  }

  wrote(at: number, end: number, moment: number): void {
    const [first, behind] = [bytesToSectors(at), Math.ceil(end / SECTOR_SIZE)];
    this.log.wrote(first, behind, moment);
    if (this.#policy.isConcerned) this.#settled(first, behind);
    if (this.log.isLong) this.flush().catch(() => undefined);
  }

  /** Makes durable what was written before. @throws DmremapError where something of it is not */
  flush(): Promise<void> {
    return this.#flushing.run();
  }

  /**
   * Reads sectors of which a request has failed, piece by piece and again where that may help; nobody else
   * uses them meanwhile. What cannot be read is zero and returned.
   *
   * @param error of that request
   */
  async readPieces(at: number, into: Uint8Array, error: DeviceError, reading: Reading): Promise<Failed[]> {
    const failed: Failed[] = [];
    const isOneUnit = into.length <= this.device.logicalBlockSize;
    // a page that fails says nothing of a block in it
    if (isOneUnit && failsInPages(this.device)) await this.#readPart(at, into, reading, failed);
    else await this.#readCut(at, into, error, reading, failed);
    return failed;
  }

  async #readPart(at: number, into: Uint8Array, reading: Reading, failed: Failed[]): Promise<void> {
    const error = await this.#attempt(at, into, reading);
    if (error === undefined) await this.#readWell(at, into, 1, reading);
    else await this.#readCut(at, into, error, reading, failed);
  }

  /** Why it cannot be read; undefined where it was. */
  async #attempt(at: number, into: Uint8Array, { since }: Reading): Promise<DeviceError | undefined> {
    const end = at + into.length;
    for (
      let sector: number = bytesToSectors(at);
      sector * SECTOR_SIZE < end && this.#failedAt.size > 0;
      sector++
    )
      if ((this.#failedAt.get(sector) ?? Number.NEGATIVE_INFINITY) > since)
        return new DeviceError(this.device.name, 'read', 'EIO', sector);
    try {
      await readPastCache(this.device, bytes(at), into);
      return undefined;
    } catch (error) {
      if (error instanceof DeviceError) return error;
      throw error;
    }
  }

  /** Cuts a piece that has failed; a block of the medium is met by few requests, and never lies in two pieces. */
  async #readCut(
    at: number,
    into: Uint8Array,
    error: DeviceError,
    reading: Reading,
    failed: Failed[],
  ): Promise<void> {
    const unit = this.device.logicalBlockSize;
    const end = at + into.length;
    if (isGone(error.errno)) return lack(at, into, error, failed);
    if (end <= roundDown(at, unit) + unit) return this.#readUnit(at, into, error, reading, failed);
    const size = pieceBelow(into.length, unit);
    for (let from = at; from < end; ) {
      const to = Math.min(end, roundDown(from, size) + size);
      const part = into.subarray(from - at, to - at);
      if (performance.now() > reading.until)
        return lack(from, into.subarray(from - at), this.#late(from), failed);
      await this.#readPart(from, part, reading, failed);
      from = to;
    }
  }

  /** One logical block, which has failed once, again and again. */
  async #readUnit(
    at: number,
    into: Uint8Array,
    first: DeviceError,
    reading: Reading,
    failed: Failed[],
  ): Promise<void> {
    const sector = bytesToSectors(at);
    const began = performance.now();
    let error: DeviceError | undefined = first;
    for (let attempts = 1; error !== undefined; attempts++) {
      const now = performance.now();
      const known = (this.#failedAt.get(sector) ?? Number.NEGATIVE_INFINITY) > reading.since;
      const verdict = known ? 'give up' : this.#failedToRead(sector, into.length, attempts, now - began);
      if (verdict === 'give up' || now + PAUSE > reading.until || isGone(error.errno)) {
        if (!known) this.#counters.add('read_errors');
        this.#failedAt.set(sector, now);
        return lack(at, into, error, failed);
      }
      await setTimeout(PAUSE);
      error = await this.#attempt(at, into, reading);
      if (error === undefined) await this.#readWell(at, into, attempts + 1, reading);
    }
  }

  /** These sectors were read; those that are to be moved while they can be read are. */
  async #readWell(at: number, data: Uint8Array, attempts: number, { salvage }: Reading): Promise<void> {
    for (let done = 0, from = 0; done <= data.length; done += SECTOR_SIZE) {
      if (done < data.length && this.#isToMove(bytesToSectors(at + done), attempts)) continue;
      if (from < done) await salvage(at + from, data.subarray(from, done));
      from = done + SECTOR_SIZE;
    }
  }

  #isToMove(sector: number, attempts: number): boolean {
    this.#failedAt.delete(sector);
    return this.#policy.readSucceeded(sector, { attempts }) === 'move';
  }

  #failedToRead(first: number, length: number, attempts: number, elapsed: number): 'retry' | 'give up' {
    let verdict: 'retry' | 'give up' = 'retry';
    for (let sector = first; sector < first + length / SECTOR_SIZE; sector++)
      if (this.#policy.readFailed(sector, { attempts, elapsedMilliseconds: elapsed }) === 'give up')
        verdict = 'give up';
    return verdict;
  }

  #settled(first: number, end: number): void {
    this.#policy.settled(first, end);
    for (let sector = first; sector < end; sector++) this.#failedAt.delete(sector);
  }

  #late(at: number): DeviceError {
    return new DeviceError(this.device.name, 'read', 'ETIMEDOUT', bytesToSectors(at), {
      hint: 'sectors before it took so long that it was not tried',
    });
  }

  /**
   * Writes sectors of which a request has failed, piece by piece; nobody else uses them meanwhile. Returns
   * what main does not take, in physical blocks or parts of them.
   *
   * @param error of that request
   * @throws DeviceError where the medium is not at fault
   */
  async writePieces(at: number, from: Uint8Array, error: unknown): Promise<Failed[]> {
    const failed: Failed[] = [];
    await this.#writeCut(at, from, error, failed);
    return failed;
  }

  async #writeCut(at: number, from: Uint8Array, error: unknown, failed: Failed[]): Promise<void> {
    if (!(error instanceof DeviceError) || !isMediumError(error.errno)) throw error;
    const unit = Math.max(this.device.physicalBlockSize, this.device.logicalBlockSize);
    const end = at + from.length;
    if (end <= roundDown(at, unit) + unit) {
      this.#counters.add('write_errors');
      failed.push({ at, end, error });
      return;
    }
    const size = pieceBelow(from.length, unit);
    for (let start = at; start < end; ) {
      const to = Math.min(end, roundDown(start, size) + size);
      const part = from.subarray(start - at, to - at);
      await this.write(bytes(start), part).catch((again) => this.#writeCut(start, part, again, failed));
      start = to;
    }
  }

  /** @throws DmremapError where the medium does not hold this of a sector that was written and flushed */
  async verify(sector: Sectors, data: Uint8Array): Promise<void> {
    const found = new Uint8Array(data.length);
    await readPastCache(this.device, bytes(sector * SECTOR_SIZE), found);
    if (Buffer.compare(found, data) === 0) return;
    throw new DmremapError(
      'io',
      `${this.device.name}: sector ${sector} does not hold what was written to it`,
    );
  }

  async #flush(): Promise<void> {
    const { log, device } = this;
    if (log.isDirty) {
      log.begin();
      try {
        await device.flush();
      } catch (error) {
        log.fail();
        throw error;
      }
      log.end();
    }
    const lost = log.unknown.next(0);
    if (lost !== Number.POSITIVE_INFINITY)
      throw new DmremapError('io', `${device.name}: what was written to sector ${lost} is not durable`, {
        hint: 'a flush failed: it counts once it is written again',
      });
  }

  /** The unit in which requests meet each other, in bytes. */
  get lockUnit(): number {
    return roundUp(this.device.logicalBlockSize, SECTOR_SIZE);
  }
}

function lack(at: number, into: Uint8Array, error: DeviceError, failed: Failed[]): void {
  into.fill(0);
  failed.push({ at, end: at + into.length, error });
}

/** Into pieces of which size a failed one of this length is cut, in bytes: in three steps and not by halving. */
function pieceBelow(length: number, unit: number): number {
  return PIECES.find((piece) => piece < length && piece > unit) ?? unit;
}
