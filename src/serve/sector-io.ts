import { allEnded } from '../device/all-ended.js';
import { readCarefully } from '../device/careful-read.js';
import { DeviceError, DmremapError } from '../errors.js';
import type { Move } from '../remap/mover.js';
import type { Policy } from '../remap/policy.js';
import { type Run, route } from '../remap/route.js';
import { SectorIndex } from '../remap/sector-index.js';
import { type Group, MOST_TOGETHER, sideBySide } from '../remap/side-by-side.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import type { Counters } from './counters.js';
import { Barrier, Gate } from './gate.js';
import type { Failed, MainSide, Salvage } from './main-side.js';
import { isOnMain, partOf, type RunFailure, readRuns } from './runs.js';
import type { Remapping, SectorEvents } from './sector-events.js';
import { RequestFailed } from './served-device.js';
import type { SpareSide } from './spare-side.js';
import { PLACES } from './write-placed.js';

/** What has come of giving sectors places on the spare. */
export interface Moved {
  /** Entries that were made. */
  readonly moved: number;
  /** Why some of them have found no place. */
  readonly refusal?: DmremapError;
}

/**
 * Whole sectors of the remapped device, wherever they live. The caller holds them: shared for reading, alone
 * for all else.
 */
export class SectorIo {
  readonly main: MainSide;
  readonly policy: Policy;
  readonly counters: Counters;
  /** Changes when the set moves to another spare, while nobody changes anything on it. */
  side: SpareSide;
  /** Whoever changes what lies on the spare, or what its entries say, is behind this meanwhile. */
  readonly gate = new Gate();
  /** While this is shut nobody is answered. */
  readonly answers = new Barrier();
  /** Sectors of main whose data the spare does not give back. */
  lost = new SectorIndex();
  /** Remapped sectors that were read from main and not written since: main has their data, too. */
  readonly leftOnMain = new Set<number>();
  readonly #events: SectorEvents;

  constructor(main: MainSide, side: SpareSide, policy: Policy, counters: Counters, events: SectorEvents) {
    this.main = main;
    this.side = side;
    this.policy = policy;
    this.counters = counters;
    this.#events = events;
  }

  /** See ServedDevice.tryRead(). */
  readAtOnce(at: Bytes, into: Uint8Array): boolean {
    const { entries } = this.side;
    const first = bytesToSectors(at);
    const end = Math.ceil((at + into.length) / SECTOR_SIZE);
    if (this.isDoubtful(at, into.length)) return false;
    // all of main, also what nobody wants of it: one call
    const isMainRead = this.main.readAtOnce(at, into, 0, into.length);
    if (entries.next(first) >= end) return isMainRead;
    const runs = route(entries, at, into.length);
    // what is shorter than the least that can be read at once is rare: a request that ends within a sector
    const isRead = (run: Run): boolean =>
      run.on === 'spare' || this.main.readAtOnce(run.at, into, run.from, run.length);
    if (!isMainRead && !runs.every(isRead)) return false;
    return sideBySide(runs).every((group) => this.side.medium.readAtOnce(group, into));
  }

  /** See ServedDevice.tryWrite(); whole sectors, which nobody uses. */
  writeAtOnce(at: Bytes, from: Uint8Array): boolean {
    const { main, side } = this;
    if (this.isDoubtful(at, from.length) || this.lost.size + this.policy.unplaced.size > 0) return false;
    const first = bytesToSectors(at);
    if (side.entries.next(first) >= first + from.length / SECTOR_SIZE)
      return main.writeAtOnce(at, from, 0, from.length);
    const runs = route(side.entries, at, from.length);
    for (const run of runs)
      if (run.on === 'spare') this.#forgetMain(bytesToSectors(bytes(at + run.from)), run.length);
      else if (!main.writeAtOnce(run.at, from, run.from, run.length)) return false;
    return sideBySide(runs).every((group) => side.medium.writeAtOnce(group, from, at));
  }

  /** Reads all that can be read without further ado; returns what failed. */
  read(at: Bytes, into: Uint8Array): Promise<readonly RunFailure[]> {
    return readRuns(this.main.device, this.side, at, into);
  }

  /**
   * Reads, sector by sector and again, what a request has failed to read; held alone.
   *
   * @param failures as read() told them; undefined where somebody may have written since
   * @param since when the request came, and `until` when it has to be answered, in milliseconds
   * @returns what it lacks, at places on the remapped device, ascending
   */
  async readSlowly(
    at: Bytes,
    into: Uint8Array,
    failures: readonly RunFailure[] | undefined,
    { since, until }: { since: number; until: number },
  ): Promise<Failed[]> {
    const again = failures ?? (await this.read(at, into));
    const salvage: Salvage = (place, data) => this.#salvage(place, data);
    await this.#settleDoubtful(at, into, again);
    const lacks: Failed[] = [];
    for (const { run, error } of [...again].sort((a, b) => a.run.from - b.run.from)) {
      const part = into.subarray(run.from, run.from + run.length);
      if (run.on === 'spare') lacks.push(...(await this.#readRemapped(at + run.from, part)));
      else lacks.push(...(await this.main.readPieces(run.at, part, error, { since, until, salvage })));
    }
    if (again.length > 0) this.#events.changed();
    return lacks;
  }

  /** Whether some of these sectors could not be read before. */
  isDoubtful(at: number, length: number): boolean {
    const { pending } = this.policy;
    return pending.size > 0 && pending.next(bytesToSectors(at)) * SECTOR_SIZE < at + length;
  }

  /** Pending sectors that can be read after all are so no more, and are moved where that is the policy. */
  async #settleDoubtful(at: Bytes, into: Uint8Array, failures: readonly RunFailure[]): Promise<void> {
    if (!this.isDoubtful(at, into.length)) return;
    const end = at + into.length;
    const failed = (place: number): boolean =>
      failures.some(({ run }) => place >= at + run.from && place < at + run.from + run.length);
    for (let place: number = at; place < end; place += SECTOR_SIZE) {
      const sector = bytesToSectors(place);
      if (failed(place) || !this.policy.pending.has(sector)) continue;
      if (this.policy.readSucceeded(sector, { attempts: 1 }) === 'move')
        await this.#salvage(place, into.subarray(place - at, place - at + SECTOR_SIZE));
    }
  }

  /** Each of these sectors, which live on the spare, for itself. */
  async #readRemapped(at: number, into: Uint8Array): Promise<Failed[]> {
    const lacks: Failed[] = [];
    for (let done = 0; done < into.length; done += SECTOR_SIZE) {
      const part = into.subarray(done, done + SECTOR_SIZE);
      const sector = bytesToSectors(at + done);
      // it may have moved to another spare since it failed
      const place = this.side.entries.spareOf(sector) as Sectors;
      try {
        await this.side.medium.read(bytes(place * SECTOR_SIZE), part);
        this.lost.delete(sector);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        part.fill(0);
        this.lost.set(sector, 0);
        lacks.push({ at: at + done, end: at + done + SECTOR_SIZE, error });
      }
    }
    return lacks;
  }

  /** @throws DeviceError; RequestFailed where a sector has found no place */
  async write(at: Bytes, from: Uint8Array): Promise<void> {
    const { entries, medium } = this.side;
    const runs = route(entries, at, from.length);
    if (runs.length === 1 && runs[0]?.on === 'main') return this.writeMain(at, from);
    // who follows the spare does so run by run
    const groups = sideBySide(runs, medium.follower === undefined ? MOST_TOGETHER : 0);
    // all of them before the sectors are let go
    await allEnded([
      this.#writeOnMain(at, runs.filter(isOnMain), from),
      ...groups.map((group) => this.#writeGroup(at, group, from)),
    ]);
  }

  /** What main has of a request. */
  async #writeOnMain(at: Bytes, runs: readonly Run[], request: Uint8Array): Promise<void> {
    if (this.isDoubtful(at, request.length))
      return allEnded(runs.map((run) => this.writeMain(run.at, partOf(request, run))));
    const failures = await this.main.writeRuns(runs, request);
    await allEnded(
      failures.map(({ part, error }) => this.#writePieces(part.at, partOf(request, part), error)),
    );
  }

  async #writeGroup(at: number, group: Group, request: Uint8Array): Promise<void> {
    if (!this.gate.tryEnter()) {
      // routed anew: by then these sectors may live on another spare
      await this.gate.opened();
      return allEnded(group.runs.map((run) => this.write(bytes(at + run.from), partOf(request, run))));
    }
    try {
      if (group.runs.length > 1) await this.#writeTogether(at, group, request);
      else await this.#writePlaced(at, group.runs[0] as Run, request);
    } finally {
      this.gate.leave();
    }
  }

  /** Sectors that live side by side on the spare; where they cannot be written together, each run for itself. */
  async #writeTogether(at: number, group: Group, request: Uint8Array): Promise<void> {
    for (const run of group.runs) this.#forgetMain(bytesToSectors(at + run.from), run.length);
    try {
      await this.side.medium.writeGroup(group, request, at);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return allEnded(group.runs.map((run) => this.#writePlaced(at, run, request)));
    }
    for (const run of group.runs) this.#found(at, run);
  }

  /** Sectors that live on the spare, at one place. */
  async #writePlaced(at: number, run: Run, request: Uint8Array): Promise<void> {
    const first = bytesToSectors(at + run.from);
    this.#forgetMain(first, run.length);
    try {
      await this.side.write(run.at, partOf(request, run), first, this.relocated);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      const failed = Math.max(0, (error.sector ?? 0) * SECTOR_SIZE - run.at);
      const place = at + run.from + (failed < run.length ? failed : 0);
      this.policy.foundNoPlace([place / SECTOR_SIZE]);
      throw new RequestFailed(error.errno, error.message, place, error);
    }
    this.#found(at, run);
    if (this.side.unsaved > 0) this.#events.changed();
  }

  /** The spare has the data of these sectors. */
  #found(at: number, run: Run): void {
    const first = bytesToSectors(at + run.from);
    const end = first + run.length / SECTOR_SIZE;
    this.policy.settled(first, end);
    for (let sector = first; this.lost.size > 0 && sector < end; sector++) this.lost.delete(sector);
  }

  /** Writes sectors that no entry names: to main, and where it does not take them to the spare. */
  async writeMain(at: Bytes, from: Uint8Array): Promise<void> {
    if (this.isDoubtful(at, from.length)) return this.#writePending(at, from);
    try {
      await this.main.write(at, from);
    } catch (error) {
      await this.#writePieces(at, from, error);
    }
  }

  /** Main is not asked again to take what it could not read, unless nobody else takes it. */
  async #writePending(at: Bytes, from: Uint8Array): Promise<void> {
    for (let done = 0; done < from.length; ) {
      const place = this.policy.placeOfWrite((at + done) / SECTOR_SIZE);
      let end = done + SECTOR_SIZE;
      while (end < from.length && this.policy.placeOfWrite((at + end) / SECTOR_SIZE) === place)
        end += SECTOR_SIZE;
      const part = from.subarray(done, end);
      if (place === 'main' || !(await this.#move('pending', at + done, part)))
        await this.#writeHomeless(at + done, part);
      done = end;
    }
  }

  /** Of these sectors some may have moved. */
  async #writeHomeless(at: number, from: Uint8Array): Promise<void> {
    for (const run of route(this.side.entries, bytes(at), from.length)) {
      const part = from.subarray(run.from, run.from + run.length);
      if (run.on === 'main')
        await this.main.write(run.at, part).catch((error) => this.#writePieces(run.at, part, error));
    }
  }

  async #writePieces(at: Bytes, from: Uint8Array, error: unknown): Promise<void> {
    const failed = await this.main.writePieces(at, from, error);
    this.#events.changed();
    const isRemapped = (sector: number): boolean => this.side.entries.spareOf(sectors(sector)) !== undefined;
    for (const piece of failed) {
      const [first, end] = [bytesToSectors(piece.at), bytesToSectors(piece.end)];
      const verdict = this.policy.writeFailed(first, end, isRemapped);
      const part = from.subarray(piece.at - at, piece.end - at);
      if (verdict === 'give up' || !(await this.#move('write', piece.at, part))) throw piece.error;
    }
  }

  /** Gives sectors with this data a place on the spare; false where some of them have found none. */
  async #move(cause: Remapping['cause'], at: number, data: Uint8Array): Promise<boolean> {
    const first = bytesToSectors(at);
    const { moved, refusal } = await this.moveTo(first, data);
    if (moved > 0) this.counters.add('auto_remaps', moved);
    this.#remapped(cause, first, moved);
    return refusal === undefined;
  }

  async #salvage(at: number, data: Uint8Array): Promise<void> {
    const first = bytesToSectors(at);
    const { moved } = await this.moveRead(first, data);
    if (moved > 0) this.counters.add('auto_remaps', moved);
    this.#remapped('salvage', first, moved);
  }

  /** Tells that a remapped sector has got another place. */
  readonly relocated = (main: Sectors): void => this.#remapped('spare', main, 1);

  #remapped(cause: Remapping['cause'], sector: number, count: number): void {
    if (count > 0) this.#events.remapped({ cause, sector, sectors: count });
  }

  /** As moveTo(), of sectors that live on main, with what was read of them. */
  async moveRead(first: number, data: Uint8Array): Promise<Moved> {
    const outcome = await this.moveTo(first, data);
    if (outcome.refusal !== undefined) return outcome;
    for (let sector = first; sector < first + data.length / SECTOR_SIZE; sector++)
      this.leftOnMain.add(sector);
    return outcome;
  }

  /** From now on main has not got what these sectors hold. */
  #forgetMain(first: number, length: number): void {
    if (this.leftOnMain.size === 0) return;
    for (let sector = first; sector < first + length / SECTOR_SIZE; sector++) this.leftOnMain.delete(sector);
  }

  /** Reads what main still has of a sector that lives on the spare; false where that is not what it holds. */
  async readLeftOnMain(sector: Sectors, into: Uint8Array): Promise<boolean> {
    if (!this.leftOnMain.has(sector)) return false;
    const lost = await readCarefully(this.main.device, bytes(sector * SECTOR_SIZE), into);
    // written meanwhile, it is not what was read
    return lost.length === 0 && this.leftOnMain.has(sector);
  }

  /** Makes entries for these sectors where they have none. */
  async moveTo(first: number, data: Uint8Array): Promise<Moved> {
    await this.gate.enter();
    try {
      return await this.#moveTo(first, data);
    } finally {
      this.gate.leave();
    }
  }

  async #moveTo(first: number, data: Uint8Array): Promise<Moved> {
    const { side } = this;
    const end = first + data.length / SECTOR_SIZE;
    let moved = 0;
    const failed: Move[] = [];
    let failure: DeviceError | undefined;
    for (let attempt = 0; attempt < PLACES; attempt++) {
      const moves = side.mover.begin(sectors(first), sectors(end));
      if (moves.length === 0) break;
      for (const move of moves) {
        const from = (move.main - first) * SECTOR_SIZE;
        const part = data.subarray(from, from + move.count * SECTOR_SIZE);
        try {
          await side.medium.write(bytes(move.spare * SECTOR_SIZE), part, move.main);
        } catch (error) {
          side.mover.abandon(move);
          failed.push(move);
          side.medium.forget(move.spare, move.count);
          if (!(error instanceof DeviceError)) throw error;
          failure = error;
          continue;
        }
        side.mover.finish(move);
        this.policy.settled(move.main, move.main + move.count);
        moved += move.count;
      }
    }
    // where it takes nothing at all it is not the place that fails: a spare that is away comes back
    if (moved === 0) side.mover.giveBack(failed);
    if (moved > 0) this.#events.changed();
    const homeless: number[] = [];
    for (let sector = first; sector < end; sector++)
      if (side.entries.spareOf(sectors(sector)) === undefined) homeless.push(sector);
    if (homeless.length === 0) return { moved };
    this.policy.foundNoPlace(homeless);
    return { moved, refusal: failure ?? new DmremapError('no-space', `${side.device.name} is full`) };
  }

  /** Drops the entry of a sector whose data main holds durably. @throws DmremapError where it stays */
  async drop(main: Sectors): Promise<void> {
    await this.gate.enter();
    try {
      await this.side.drop(main);
      this.leftOnMain.delete(main);
    } finally {
      this.gate.leave();
    }
  }
}
