import { answeringAtOnce } from '../device/at-once.js';
import type { BlockDevice } from '../device/block-device.js';
import { DeviceError, DmremapError } from '../errors.js';
import type { LiveEntries } from '../remap/live-entries.js';
import { type Group, gather, MOST_TOGETHER, scatter } from '../remap/side-by-side.js';
import { type Bytes, bytes, bytesToSectors, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { Copies } from './copies.js';
import { Gate } from './gate.js';
import { WriteLog } from './write-log.js';

/** Where a group is put together that is read or written at once. */
const piece = new Uint8Array(MOST_TOGETHER);

/** What has to learn of each change of a spare in use: the target of a migration. Each does `own` first, and fails as that does. */
export interface Follower {
  /** `own` writes these sectors, which hold those of main from `main` on. */
  write(at: Bytes, from: Uint8Array, main: Sectors, own: () => Promise<void>): Promise<void>;
  /** `own` drops the entry of a sector of main, which lives at `spare`. */
  drop(main: Sectors, spare: Sectors, own: () => Promise<void>): Promise<void>;
  /** Does this while nobody copies these sectors. */
  alone(first: Sectors, count: number, work: () => Promise<void>): Promise<void>;
}

/** A write or a flush has failed, and took along what was written before: that counts once it is written again. */
export class NotDurable extends DmremapError {
  constructor(device: string, sector: number) {
    super('io', `${device}: what was written to sector ${sector} is not durable`, {
      hint: 'a write or a flush failed: it counts once it is written again',
    });
  }
}

/**
 * The data of remapped sectors on the spare of a set that is in use: what is written there, and what of it is
 * durable (format.md section 4).
 */
export class SpareMedium {
  readonly log = new WriteLog();
  readonly #copies = new Copies();
  #device: BlockDevice;
  #atOnce: ReturnType<typeof answeringAtOnce>;
  #users = new Gate();
  /** So much was written that it should be made durable. */
  readonly #long: () => void;
  /** Learns of each change while the set moves to another spare. */
  follower: Follower | undefined;

  constructor(device: BlockDevice, long: () => void) {
    this.#device = device;
    this.#atOnce = answeringAtOnce(device);
    this.#long = long;
  }

  get device(): BlockDevice {
    return this.#device;
  }

  /** See AnswersAtOnce: a group of a request. False too where what would be read may not be what was written. */
  readAtOnce(group: Group, request: Uint8Array): boolean {
    const device = this.#atOnce;
    if (device === undefined || !this.log.unknown.isEmpty) return false;
    const { at, length, runs } = group;
    if (runs.length === 1) return device.readAtOnce(at, request, runs[0]?.from as number, length);
    if (!device.readAtOnce(at, piece, 0, length)) return false;
    scatter(group, piece, request);
    return true;
  }

  /** See AnswersAtOnce: a group of a request, whole sectors; `offset` is where it begins on main, in bytes. */
  writeAtOnce(group: Group, request: Uint8Array, offset: number): boolean {
    if (this.follower !== undefined || !this.#putAtOnce(group, request)) return false;
    this.#wroteGroup(group, request, offset, this.log.moment);
    return true;
  }

  #putAtOnce(group: Group, request: Uint8Array): boolean {
    const device = this.#atOnce;
    if (device === undefined) return false;
    const { at, length, runs } = group;
    if (runs.length === 1) return device.writeAtOnce(at, request, runs[0]?.from as number, length);
    gather(group, request, piece);
    return device.writeAtOnce(at, piece, 0, length);
  }

  /**
   * Sectors whose data may not have reached the medium come from memory, where that has them.
   *
   * @throws DeviceError
   */
  async read(at: Bytes, into: Uint8Array): Promise<void> {
    const { unknown } = this.log;
    const [first, end] = [sectorAt(at), sectorAt(at + into.length)];
    if (unknown.isEmpty || unknown.next(first) >= end) return this.#read(at, into);
    for (let sector = first; sector < end; sector++) {
      const lost = Math.min(unknown.next(sector), end);
      const [from, to] = [(sector - first) * SECTOR_SIZE, (lost - first) * SECTOR_SIZE];
      if (from < to) await this.#read(bytes(at + from), into.subarray(from, to));
      if (lost < end) into.set(this.#written(lost), to);
      sector = lost;
    }
  }

  /** What was written to a sector last. @throws DeviceError where memory has not got it */
  #written(sector: number): Uint8Array {
    const copy = this.#copies.of(sector);
    if (copy !== undefined) return copy;
    throw new DeviceError(this.#device.name, 'read', 'EIO', sector, {
      hint: 'what was written there last did not reach the medium: write it again',
    });
  }

  async #read(at: Bytes, into: Uint8Array): Promise<void> {
    const users = this.#users;
    users.tryEnter();
    try {
      await this.#device.read(at, into);
    } finally {
      users.leave();
    }
  }

  /**
   * Writes whole sectors, which hold those of main from `main` on. After a failure nothing is known of what
   * was written since the last good flush.
   *
   * @throws DeviceError
   */
  async write(at: Bytes, from: Uint8Array, main: Sectors): Promise<void> {
    if (this.follower === undefined) return this.#write(at, from, main);
    return this.follower.write(at, from, main, () => this.#write(at, from, main));
  }

  async #write(at: Bytes, from: Uint8Array, main: Sectors): Promise<void> {
    const moment = await this.#put(at, from);
    this.#keep(at, from, 0, from.length, main);
    this.#wrote(at, from.length, moment);
  }

  /**
   * The same for a group of a request, of which nobody else has to learn.
   *
   * @param offset where the request begins on main, in bytes
   */
  async writeGroup(group: Group, request: Uint8Array, offset: number): Promise<void> {
    const together = new Uint8Array(group.length);
    gather(group, request, together);
    this.#wroteGroup(group, request, offset, await this.#put(group.at, together));
  }

  #wroteGroup({ at, length, runs }: Group, request: Uint8Array, offset: number, moment: number): void {
    for (const run of runs)
      this.#keep(run.at, request, run.from, run.length, bytesToSectors(bytes(offset + run.from)));
    this.#wrote(at, length, moment);
  }

  /** Writes to the device; returns the moment of the log at which that began. */
  async #put(at: Bytes, from: Uint8Array): Promise<number> {
    const { moment } = this.log;
    const users = this.#users;
    users.tryEnter();
    try {
      await this.#device.write(at, from);
    } catch (error) {
      // of its own sectors the client is told
      this.fail();
      throw error;
    } finally {
      users.leave();
    }
    return moment;
  }

  /** As write() of one sector with what it held before; whoever calls keeps others from it. @throws DeviceError */
  rewrite(spare: Sectors, data: Uint8Array, main: Sectors): Promise<void> {
    return this.#write(bytes(spare * SECTOR_SIZE), data, main);
  }

  /** As write(), of data that somebody else has too: no copy is kept. @throws DeviceError */
  async fill(at: Bytes, from: Uint8Array): Promise<void> {
    const moment = await this.#put(at, from);
    this.log.wrote(sectorAt(at), sectorAt(at + from.length), moment);
  }

  /** Keeps a copy of whole sectors that hold those of main from `main` on. */
  #keep(at: number, data: Uint8Array, from: number, length: number, main: Sectors): void {
    const first = sectorAt(at);
    for (let done = 0; done < length / SECTOR_SIZE; done++)
      this.#copies.keep(first + done, sectors(main + done), data, from + done * SECTOR_SIZE);
  }

  #wrote(at: number, length: number, moment: number): void {
    if (moment !== this.log.moment) this.#copies.fail();
    this.log.wrote(sectorAt(at), sectorAt(at + length), moment);
    if (this.log.isLong) this.#long();
  }

  /** Whether what the medium holds of a sector is not what was written last. */
  isUnknown(sector: Sectors): boolean {
    return !this.log.unknown.isEmpty && this.log.unknown.next(sector) === sector;
  }

  /** What was written to a sector last, where memory has it: it may not be durable yet. */
  copyOf(sector: Sectors): Uint8Array | undefined {
    return this.#copies.of(sector);
  }

  /** Sectors that no entry names any more: nobody asks what they hold. */
  forget(first: Sectors, count: number): void {
    this.log.unknown.remove(first, first + count);
  }

  /**
   * Writes what has failed once more, where it is still known.
   *
   * @param entries that count
   * @param hold keeps others from a sector of main while the work is done
   * @param write as write()
   */
  async heal(
    entries: LiveEntries,
    hold: (main: Sectors, work: () => Promise<void>) => Promise<void>,
    write: SpareMedium['write'],
  ): Promise<void> {
    const { failed } = this.#copies;
    for (const [sector, copy] of [...failed])
      await hold(copy.main, async () => {
        // written meanwhile: that one counts
        if (failed.get(sector) !== copy) return;
        if (entries.spareOf(copy.main) !== sector) failed.delete(sector);
        else await write(bytes(sector * SECTOR_SIZE), copy.bytes, copy.main);
      });
  }

  /**
   * Goes on with the same spare under another name. What was not durable yet is unknown; requests on the old one
   * come to their end there, whenever that is, and then it is closed.
   */
  replace(device: BlockDevice): void {
    const [old, users] = [this.#device, this.#users];
    this.#device = device;
    this.#users = new Gate();
    this.#atOnce = answeringAtOnce(device);
    this.fail();
    void users
      .emptied()
      .then(() => old.close())
      .catch(() => undefined);
  }

  /** Resolves when nothing is under way. */
  quiet(): Promise<void> {
    return this.#users.emptied();
  }

  /** Makes durable all that was written before. @throws DmremapError where something of it is not */
  async flush(): Promise<void> {
    if (this.log.isDirty) {
      this.log.begin();
      this.#copies.begin();
      try {
        await this.#device.flush();
      } catch (error) {
        this.fail();
        throw error;
      }
      this.log.end();
      this.#copies.end();
    }
    const lost = this.log.unknown.next(0);
    if (lost !== Number.POSITIVE_INFINITY) throw new NotDurable(this.#device.name, lost);
  }

  /** Data that was written meanwhile is unknown: its FLUSH must not be answered with success. */
  fail(): void {
    this.log.fail();
    this.#copies.fail();
  }
}

function sectorAt(at: number): number {
  return Math.floor(at / SECTOR_SIZE);
}
