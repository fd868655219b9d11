import { DeviceError, DmremapError } from '../errors.js';
import { route } from '../remap/route.js';
import { stateExtents } from '../remap/state-extents.js';
import { type Bytes, bytes, roundDown, roundUp, SECTOR_SIZE } from '../units.js';
import { allocationFrom } from './allocation.js';
import type { Failed } from './main-side.js';
import type { RangeLock, RangeLocks } from './range-locks.js';
import { requestFailed } from './request-failed.js';
import type { RunFailure } from './runs.js';
import type { SectorIo } from './sector-io.js';
import {
  type Lack,
  RequestFailed,
  SECTOR_FLAG,
  type ServedDevice,
  type ServedExtent,
  type ZeroOptions,
} from './served-device.js';
import { NotDurable } from './spare-medium.js';
import type { SpareSide } from './spare-side.js';
import { zeroHeld, zeroMain } from './zeroes.js';

/** Milliseconds within which a request is answered, as far as it is ours to say: clients wait for 30 s. */
const ANSWER_WITHIN = 25_000;

/** Steps of a walk over sectors in one answer. */
const MOST_STEPS = 65_536;

/** What is read ahead at a time, in bytes. */
const AHEAD = 1 << 18;

/** The least that can be read at once, in bytes. */
const LEAST_AT_ONCE = 65;

/** So often a save is tried while writes fail, each of which takes along what was written before it. */
const ROUNDS = 4;

const NOTHING: readonly never[] = [];

export interface RemapDeviceFacts {
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational: boolean;
}

/** Main and spare as one disk: each request holds its sectors, and sectors are found where they live. */
export class RemapDevice implements ServedDevice {
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational: boolean;
  readonly preferredBlock: Bytes;
  readonly #io: SectorIo;
  readonly #locks: RangeLocks;
  /** Sectors are held in these, in bytes: main's logical blocks. */
  readonly #unit: number;

  constructor(io: SectorIo, locks: RangeLocks, { size, readOnly, rotational }: RemapDeviceFacts) {
    this.size = size;
    this.readOnly = readOnly;
    this.rotational = rotational;
    this.#io = io;
    this.#locks = locks;
    this.#unit = io.main.lockUnit;
    this.preferredBlock = bytes(Math.max(4096, this.#unit));
  }

  tryRead(at: Bytes, into: Uint8Array): boolean {
    if (into.length < LEAST_AT_ONCE || this.#io.answers.isShut) return false;
    const end = at + into.length;
    return (
      this.#locks.isQuiet(roundDown(at, this.#unit), roundUp(end, this.#unit)) &&
      this.#io.readAtOnce(at, into)
    );
  }

  async read(at: Bytes, into: Uint8Array): Promise<readonly Lack[]> {
    const since = performance.now();
    const outer = sectorsAround(at, into);
    const lacks = this.#io.isDoubtful(outer.at, outer.bytes.length)
      ? await this.#readSlowly(outer, undefined, since)
      : await this.#readFast(outer, since);
    if (outer.bytes !== into) into.set(outer.bytes.subarray(at - outer.at, at - outer.at + into.length));
    return lacks.length === 0 ? NOTHING : lacksWithin(lacks, at, into.length);
  }

  async #readFast(outer: Sectors, since: number): Promise<readonly Failed[]> {
    const held = this.#hold(outer.at, outer.bytes.length, false);
    const lock = held instanceof Promise ? await held : held;
    let failures: readonly RunFailure[];
    try {
      failures = await this.#io.read(outer.at, outer.bytes);
    } catch (error) {
      throw requestFailed(error, outer.at);
    } finally {
      this.#locks.release(lock);
      if (this.#io.answers.isShut) await this.#io.answers.opened();
    }
    return failures.length === 0 ? NOTHING : this.#readSlowly(outer, failures, since);
  }

  /** @param failures of a moment ago; undefined where nobody has tried */
  async #readSlowly(
    outer: Sectors,
    failures: readonly RunFailure[] | undefined,
    since: number,
  ): Promise<Failed[]> {
    const held = this.#hold(outer.at, outer.bytes.length, true);
    const untouched = !(held instanceof Promise);
    const lock = await held;
    try {
      const until = since + ANSWER_WITHIN;
      return await this.#io.readSlowly(outer.at, outer.bytes, untouched ? failures : undefined, {
        since,
        until,
      });
    } catch (error) {
      throw requestFailed(error, outer.at);
    } finally {
      this.#locks.release(lock);
      if (this.#io.answers.isShut) await this.#io.answers.opened();
    }
  }

  tryWrite(at: Bytes, from: Uint8Array): boolean {
    const end = at + from.length;
    if (this.readOnly || at % this.#unit !== 0 || end % this.#unit !== 0) return false;
    if (this.#io.answers.isShut) return false;
    return this.#locks.isFree(at, end) && this.#io.writeAtOnce(at, from);
  }

  async write(at: Bytes, from: Uint8Array, fua: boolean): Promise<void> {
    await this.#change(at, from.length, () => this.#writeHeld(at, from));
    if (fua) await this.flush();
  }

  async #writeHeld(at: Bytes, from: Uint8Array): Promise<void> {
    if (at % SECTOR_SIZE === 0 && from.length % SECTOR_SIZE === 0) return this.#io.write(at, from);
    const outer = sectorsAround(at, from);
    await this.#fillEnds(outer, at, from.length);
    outer.bytes.set(from, at - outer.at);
    await this.#io.write(outer.at, outer.bytes);
  }

  /** Reads the first and the last sector, of which a request writes but a part. */
  async #fillEnds(outer: Sectors, at: number, length: number) {
    const end = outer.bytes.length - SECTOR_SIZE;
    const ends = new Set<number>();
    if (at > outer.at) ends.add(0);
    if (at + length < outer.at + outer.bytes.length) ends.add(end);
    const since = performance.now();
    for (const from of ends) {
      const [place, part] = [bytes(outer.at + from), outer.bytes.subarray(from, from + SECTOR_SIZE)];
      const failures = await this.#io.read(place, part);
      if (failures.length === 0) continue;
      const reading = { since, until: since + ANSWER_WITHIN };
      const [lack] = await this.#io.readSlowly(place, part, failures, reading);
      if (lack !== undefined)
        throw new RequestFailed(lack.error.errno, lack.error.message, place, lack.error);
    }
  }

  async flush(): Promise<void> {
    if (this.readOnly) return;
    const { main, side } = this.#io;
    // what is only counted can wait
    const saving = side.isAtStake ? this.save() : undefined;
    const [spared, mained] = await Promise.allSettled([saving, main.flush()]);
    await this.#io.answers.opened();
    if (mained.status === 'rejected') throw durableFailure(mained.reason, main.device.name);
    if (spared.status === 'rejected') throw durableFailure(spared.reason, side.device.name);
  }

  /** Commits all entries and makes the data on the spare durable. @throws DmremapError where it is not */
  async save(): Promise<void> {
    const { side } = this.#io;
    for (let round = 1; ; round++) {
      if (!side.medium.log.unknown.isEmpty) await this.#heal(side);
      try {
        return await side.save();
      } catch (error) {
        if (!(error instanceof NotDurable) || round === ROUNDS) throw error;
      }
    }
  }

  #heal(side: SpareSide): Promise<void> {
    return side.medium.heal(
      side.entries,
      async (main, work) => {
        const lock = await this.#hold(main * SECTOR_SIZE, SECTOR_SIZE, true);
        await this.#io.gate.enter();
        try {
          // all of a spare that the set has left was durable
          if (this.#io.side === side) await work();
        } finally {
          this.#io.gate.leave();
          this.#locks.release(lock);
        }
      },
      (at, from, main) => side.write(at, from, main, this.#io.relocated),
    );
  }

  async trim(at: Bytes, length: number, fua: boolean): Promise<void> {
    const from = roundUp(at, SECTOR_SIZE);
    const end = roundDown(at + length, SECTOR_SIZE);
    if (from < end)
      await this.#change(bytes(from), end - from, async () => {
        for (const run of route(this.#io.side.entries, bytes(from), end - from))
          if (run.on === 'main') await zeroMain(this.#io, run, true);
      });
    if (fua) await this.flush();
  }

  async writeZeroes(at: Bytes, length: number, { fua, mayPunch, fast }: ZeroOptions): Promise<void> {
    const from = Math.min(roundUp(at, SECTOR_SIZE), at + length);
    const end = Math.max(from, roundDown(at + length, SECTOR_SIZE));
    await this.#change(at, length, async () => {
      // first, since what is refused changes nothing
      if (from < end && !(await zeroHeld(this.#io, bytes(from), end - from, { mayPunch, mustBeFast: fast })))
        throw new RequestFailed('ENOTSUP', 'zeros are written as slowly as data', from);
      // what is not in whole sectors is written like any data
      if (from > at) await this.#writeHeld(at, new Uint8Array(from - at));
      if (end < at + length) await this.#writeHeld(bytes(end), new Uint8Array(at + length - end));
    });
    if (fua) await this.flush();
  }

  async cache(at: Bytes, length: number): Promise<void> {
    const scratch = new Uint8Array(Math.min(length, AHEAD));
    for (let done = 0; done < length; done += scratch.length) {
      const part = scratch.subarray(0, Math.min(scratch.length, length - done));
      // what cannot be read is told to those who read it
      await this.read(bytes(at + done), part).catch(() => NOTHING);
    }
  }

  async allocation(at: Bytes, length: number): Promise<readonly ServedExtent[]> {
    await this.#io.answers.opened();
    return allocationFrom(this.#io, at, length);
  }

  sectors(at: Bytes, length: number): readonly ServedExtent[] {
    const { side, policy, lost } = this.#io;
    const layers = [
      [side.entries, SECTOR_FLAG.REMAPPED],
      [policy.pending, SECTOR_FLAG.PENDING],
      [lost, SECTOR_FLAG.LOST],
    ] as const;
    return stateExtents(at, length, layers, MOST_STEPS);
  }

  /** Does this to bytes that nobody else uses meanwhile. */
  async #change(at: Bytes, length: number, work: () => Promise<void>): Promise<void> {
    if (this.readOnly) throw new RequestFailed('EPERM', 'the device is read-only', 0);
    const lock = await this.#hold(at, length, true);
    try {
      await work();
    } catch (error) {
      throw requestFailed(error, at);
    } finally {
      this.#locks.release(lock);
      if (this.#io.answers.isShut) await this.#io.answers.opened();
    }
  }

  #hold(at: number, length: number, alone: boolean): RangeLock | Promise<RangeLock> {
    return this.#locks.acquire(roundDown(at, this.#unit), roundUp(at + length, this.#unit), alone);
  }
}

/** Whole sectors, and where they begin. */
interface Sectors {
  readonly at: Bytes;
  readonly bytes: Uint8Array;
}

/** The whole sectors that bytes lie in: the bytes themselves where they are whole sectors. */
function sectorsAround(at: Bytes, inner: Uint8Array): Sectors {
  const start = roundDown(at, SECTOR_SIZE);
  const end = roundUp(at + inner.length, SECTOR_SIZE);
  if (start === at && end === at + inner.length) return { at, bytes: inner };
  return { at: bytes(start), bytes: new Uint8Array(end - start) };
}

/** What a request lacks of what its sectors lack. */
function lacksWithin(failed: readonly Failed[], at: number, length: number): Lack[] {
  const lacks: Lack[] = [];
  for (const { at: from, end, error } of failed) {
    const [start, behind] = [Math.max(0, from - at), Math.min(length, end - at)];
    if (start < behind)
      lacks.push({ at: start, length: behind - start, errno: error.errno, text: error.message });
  }
  return lacks;
}

/** What was answered before is not durable: that is EIO, whatever the system calls it. */
function durableFailure(error: unknown, name: string): RequestFailed {
  if (error instanceof DeviceError || error instanceof DmremapError)
    return new RequestFailed('EIO', error.message, undefined, error);
  return new RequestFailed('EIO', `${name}: ${String(error)}`, undefined, error);
}
