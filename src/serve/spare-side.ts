import { answeringAtOnce } from '../device/at-once.js';
import type { BlockDevice } from '../device/block-device.js';
import { DeviceError, DmremapError } from '../errors.js';
import { RemapTable } from '../format/entry.js';
import type { Header } from '../format/header.js';
import { extensionFor, type SourceIdentity } from '../migrate/identity.js';
import type { LiveEntries } from '../remap/live-entries.js';
import type { Mover } from '../remap/mover.js';
import { type Content, contentOf } from '../store/content.js';
import type { MetadataWriter } from '../store/writer.js';
import { type Bytes, bytes, SECTOR_SIZE, type Sectors, sectors } from '../units.js';
import { Copies } from './copies.js';
import type { Counters } from './counters.js';
import { Gate } from './gate.js';
import { Joined } from './joined.js';
import { SpareTable } from './spare-table.js';
import { WriteLog } from './write-log.js';

/** A copy that cannot be written is not tried again before: each try costs the disk's time. */
const SECONDS_BETWEEN_MENDINGS = 30n;

/** Unix seconds. */
export type Clock = () => bigint;

/** What has to learn of each change of a spare in use: the target of a migration. Each does `own` first, and fails as that does. */
export interface Follower {
  /** `own` writes these sectors, which hold those of main from `main` on. */
  write(at: Bytes, from: Uint8Array, main: Sectors, own: () => Promise<void>): Promise<void>;
  /** `own` drops the entry of a sector of main, which lives at `spare`. */
  drop(main: Sectors, spare: Sectors, own: () => Promise<void>): Promise<void>;
}

/** An entry that is to go, once the generation without it is committed. */
interface Drop {
  readonly main: Sectors;
  readonly settle: (failure?: DmremapError) => void;
}

/**
 * The spare of a set that is in use: the data of remapped sectors, and their entries, which are committed
 * with all that has gathered since the last commit (format.md section 4).
 */
export class SpareSide {
  readonly log = new WriteLog();
  readonly #copies = new Copies();
  #device: BlockDevice;
  #atOnce: ReturnType<typeof answeringAtOnce>;
  readonly #blockSectors: number;
  #table: SpareTable;
  #counters: Counters;
  readonly #now: Clock;
  /** Undefined where nothing may be written. */
  #writer: MetadataWriter | undefined;
  readonly #saving = new Joined(() => this.#alone(() => this.#save()));
  #last: Promise<void> = Promise.resolve();
  #header: Header;
  #users = new Gate();
  /** Learns of each change while the set moves to another spare. */
  follower: Follower | undefined;
  #drops: Drop[] = [];
  /** Sectors of main whose entries a commit was to drop of which nobody knows whether it took place. */
  readonly #doubtful = new Set<Sectors>();
  #state: number | undefined;
  /** When the copy that cannot be written is tried next. */
  #mendFrom = 0n;
  /** Why the last commit failed; undefined where it did not. */
  #failure: DmremapError | undefined;

  /**
   * @param header and table as they are committed
   * @param writer has the same; undefined for a spare that is only read
   * @param blockSectors of main's physical block
   */
  constructor(
    device: BlockDevice,
    { header, table }: { readonly header: Header; readonly table: RemapTable },
    writer: MetadataWriter | undefined,
    { counters, now, blockSectors }: { counters: Counters; now: Clock; blockSectors: number },
  ) {
    this.#device = device;
    this.#atOnce = answeringAtOnce(device);
    this.#writer = writer;
    this.#header = header;
    this.#counters = counters;
    this.#now = now;
    this.#blockSectors = blockSectors;
    this.#table = new SpareTable(device, header, table, blockSectors);
  }

  get entries(): LiveEntries {
    return this.#table.entries;
  }

  get mover(): Mover {
    return this.#table.mover;
  }

  get device(): BlockDevice {
    return this.#device;
  }

  /** As committed last. */
  get header(): Header {
    return this.#writer?.content.header ?? this.#header;
  }

  /** Entries that a power cut would take. */
  get unsaved(): number {
    return this.#writer === undefined ? 0 : this.entries.count - this.#writer.content.table.count;
  }

  /** Whether data that a client has written, or the way to it, would not survive a power cut. */
  get isAtStake(): boolean {
    return this.unsaved > 0 || this.log.isDirty || !this.log.unknown.isEmpty;
  }

  /** Whether anything at all waits for a commit. */
  get isDirty(): boolean {
    return this.isAtStake || this.#drops.length > 0 || this.#state !== undefined || this.#counters.isDirty;
  }

  get failure(): DmremapError | undefined {
    return this.#failure;
  }

  /** Whether both copies can be written. */
  get isWhole(): boolean {
    return this.#writer === undefined || this.#writer.health === 'whole';
  }

  get freeSectors(): number {
    return this.#table.free;
  }

  /** See AnswersAtOnce. False too where what would be read may not be what was written. */
  readAtOnce(at: number, into: Uint8Array, from: number, length: number): boolean {
    return this.log.unknown.isEmpty && this.#atOnce?.readAtOnce(at, into, from, length) === true;
  }

  /** See AnswersAtOnce; the sectors hold those of main from `main` on. */
  writeAtOnce(at: number, source: Uint8Array, from: number, length: number, main: Sectors): boolean {
    if (this.follower !== undefined) return false;
    if (this.#atOnce?.writeAtOnce(at, source, from, length) !== true) return false;
    this.#wrote(at, source, from, length, main, this.log.moment);
    return true;
  }

  /** @throws DeviceError, also for sectors whose data did not reach the medium */
  async read(at: Bytes, into: Uint8Array): Promise<void> {
    const lost = this.log.unknown.isEmpty ? Number.POSITIVE_INFINITY : this.log.unknown.next(sectorAt(at));
    if (lost < sectorAt(at + into.length))
      throw new DeviceError(this.device.name, 'read', 'EIO', Math.max(lost, sectorAt(at)), {
        hint: 'what was written there last did not reach the medium: write it again',
      });
    const users = this.#users;
    users.tryEnter();
    try {
      await this.device.read(at, into);
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
    const { moment } = this.log;
    const users = this.#users;
    users.tryEnter();
    try {
      await this.device.write(at, from);
    } catch (error) {
      // of its own sectors the client is told
      this.#fail();
      throw error;
    } finally {
      users.leave();
    }
    this.#wrote(at, from, 0, from.length, main, moment);
  }

  /** As write() of one sector with what it held before; whoever calls keeps others from it. @throws DeviceError */
  rewrite(spare: Sectors, data: Uint8Array, main: Sectors): Promise<void> {
    return this.#write(bytes(spare * SECTOR_SIZE), data, main);
  }

  /** As write(), of data that somebody else has too: no copy is kept. @throws DeviceError */
  async fill(at: Bytes, from: Uint8Array): Promise<void> {
    const { moment } = this.log;
    const users = this.#users;
    users.tryEnter();
    try {
      await this.device.write(at, from);
    } catch (error) {
      this.#fail();
      throw error;
    } finally {
      users.leave();
    }
    this.log.wrote(sectorAt(at), sectorAt(at + from.length), moment);
  }

  /** Closes the device once nothing is under way on it; nobody asks for anything new. */
  async leave(): Promise<void> {
    await this.#users.emptied();
    await this.#last;
    await this.device.close();
  }

  #wrote(at: number, data: Uint8Array, from: number, length: number, main: Sectors, moment: number): void {
    const [first, end] = [sectorAt(at), sectorAt(at + length)];
    for (let done = 0; done < end - first; done++)
      this.#copies.keep(first + done, sectors(main + done), data, from + done * SECTOR_SIZE);
    if (moment !== this.log.moment) this.#copies.fail();
    this.log.wrote(first, end, moment);
    if (this.log.isLong) this.save().catch(() => undefined);
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
   * @param hold keeps others from a sector of main while the work is done
   */
  async heal(hold: (main: Sectors, work: () => Promise<void>) => Promise<void>): Promise<void> {
    const { failed } = this.#copies;
    for (const [sector, copy] of [...failed])
      await hold(copy.main, async () => {
        if (failed.get(sector) !== copy || this.entries.spareOf(copy.main) !== sector) failed.delete(sector);
        else await this.write(bytes(sector * SECTOR_SIZE), copy.bytes, copy.main);
      });
  }

  /**
   * Goes on with the same spare under another name, after it was gone. What was not durable yet is unknown, and
   * written again where a copy is kept. Requests on the old one come to their end there, whenever that is: what
   * they write is not taken for durable. Then it is closed.
   *
   * @param open the spare, with a writer over it
   * @throws DmremapError `wrong-device` where it has another identity, `changed-since` where it has other
   * entries; what `open` throws. Nothing has changed then.
   */
  adopt(open: () => Promise<{ device: BlockDevice; writer: MetadataWriter }>): Promise<void> {
    return this.#alone(async () => {
      const { device, writer } = await open();
      this.#checkSame(device.name, writer.content);
      this.#table.follow(writer.content.table);
      this.#doubtful.clear();
      const [old, users] = [this.#device, this.#users];
      this.#device = device;
      this.#users = new Gate();
      this.#atOnce = answeringAtOnce(device);
      this.#writer = writer;
      this.#fail();
      void users
        .emptied()
        .then(() => old.close())
        .catch(() => undefined);
    });
  }

  /**
   * Forgets what it knows of the entries and loads them again; nobody uses its sectors meanwhile.
   *
   * @param open the device, with a writer over it
   * @throws DmremapError where data that was written is not durable, and what `open` throws: nothing has
   * changed then
   */
  reload(open: (device: BlockDevice) => Promise<{ writer: MetadataWriter }>): Promise<void> {
    return this.#alone(async () => {
      await this.#flush();
      const { writer } = await open(this.#device);
      const { header, table } = writer.content;
      this.#writer = writer;
      this.#table = new SpareTable(this.#device, header, table, this.#blockSectors);
    });
  }

  /** All committed entries are there, and nothing that this side does not know. */
  #checkSame(name: string, { header, table }: { header: Header; table: RemapTable }): void {
    if (header.spare_uuid !== this.header.spare_uuid)
      throw new DmremapError('wrong-device', `${name} is another spare`);
    const committed = this.#writer?.content.table.count ?? 0;
    if (!this.#table.isReached(table, committed, (main) => this.#doubtful.has(main)))
      throw new DmremapError('changed-since', `${name} has other entries than the set in use`);
  }

  /**
   * Makes durable all that was written and remapped before, and what was counted.
   *
   * @throws DmremapError where something of it is not
   */
  save(): Promise<void> {
    return this.#saving.run();
  }

  /** The next save commits this state: 1 while a server writes to the set. */
  setState(state: number): void {
    this.#state = state;
  }

  /**
   * Drops an entry whose data main holds durably. Its main sector is held by the caller until this settles.
   *
   * @throws DmremapError where the entry stays
   */
  async drop(main: Sectors): Promise<void> {
    const spare = this.entries.spareOf(main);
    if (this.follower === undefined || spare === undefined) return this.#drop(main);
    return this.follower.drop(main, spare, () => this.#drop(main));
  }

  async #drop(main: Sectors): Promise<void> {
    if ((this.entries.slotOf(main) ?? 0) >= (this.#writer?.content.table.count ?? 0)) await this.save();
    return new Promise((resolve, reject) => {
      const settle = (failure?: DmremapError): void => (failure === undefined ? resolve() : reject(failure));
      this.#drops.push({ main, settle });
      // what the drop itself comes to is told through settle
      this.save().catch(() => undefined);
    });
  }

  /** One after the other: what writes metadata, or changes where it is written. */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /**
   * Does this while nobody else commits. Not for a spare that is only read.
   *
   * @param work with what commits to it
   */
  exclusively<Result>(work: (writer: MetadataWriter) => Promise<Result>): Promise<Result> {
    return this.#alone(() => {
      if (this.#writer === undefined) throw new Error(`${this.device.name} is only read`);
      return work(this.#writer);
    });
  }

  /** Gives a plain spare an extension without a second copy. @throws DmremapError where it is not written */
  identify(identity: SourceIdentity): Promise<void> {
    return this.exclusively(async (writer) => {
      const outcome = await writer.commit(
        { header: extensionFor(writer.content.header, identity) },
        this.#now(),
      );
      if (outcome.kind === 'committed') return;
      this.#fail();
      throw 'failure' in outcome ? outcome.failure : degraded(this.device.name);
    });
  }

  /** What is committed. */
  snapshot(): Promise<Content> {
    return this.exclusively(async ({ content: { block, table } }) =>
      contentOf(block, new RemapTable(table.bytes.slice())),
    );
  }

  /** From now on it is only read: another spare is in use. */
  retire(): void {
    this.#header = this.header;
    this.#writer = undefined;
    this.follower = undefined;
  }

  /** From now on it is in use, and what happens to the set is counted in its header. */
  takeOver(counters: Counters): void {
    this.#counters = counters;
  }

  async #save(): Promise<void> {
    const drops = this.#drops;
    this.#drops = [];
    try {
      // entries that come later may have data that the flush does not cover
      const upTo = this.entries.count;
      await this.#flush();
      await this.#commit(upTo, drops);
      this.#failure = undefined;
    } catch (error) {
      if (!(error instanceof DmremapError)) throw error;
      this.#failure = error;
      for (const { settle } of drops) settle(error);
      throw error;
    }
  }

  async #flush(): Promise<void> {
    if (this.log.isDirty) {
      this.log.begin();
      this.#copies.begin();
      try {
        await this.device.flush();
      } catch (error) {
        this.#fail();
        throw error;
      }
      this.log.end();
      this.#copies.end();
    }
    const lost = this.log.unknown.next(0);
    if (lost !== Number.POSITIVE_INFINITY)
      throw new DmremapError('io', `${this.device.name}: what was written to sector ${lost} is not durable`, {
        hint: 'a write or a flush failed: it counts once it is written again',
      });
  }

  async #commit(upTo: number, drops: readonly Drop[]): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    const mends = writer.health === 'unknown' || this.#now() >= this.#mendFrom;
    if (writer.health !== 'whole' && mends) await this.#mend(writer);
    const saved = writer.content.table.count;
    if (upTo === saved && drops.length === 0 && this.#state === undefined && !this.#counters.isDirty) return;
    if (drops.length > 0 && !this.isWhole) throw degraded(this.device.name);
    const state = this.#state;
    const { fields, settle } = this.#counters.fields(writer.content.header);
    const append = this.#table.entriesIn(saved, upTo);
    const mains = drops.map(({ main }) => main);
    const { slots, spares, undo } = this.#table.takeOut(mains, saved);
    const header = state === undefined ? fields : { ...fields, state };
    const outcome = await writer.commit({ header, append, remove: slots }, this.#now());
    if (outcome.kind !== 'committed' && 'failure' in outcome && outcome.failure !== undefined) this.#fail();
    if (outcome.kind === 'failed' || outcome.kind === 'unknown') {
      undo();
      for (const main of mains) this.#doubtful.add(main);
      throw outcome.failure;
    }
    settle();
    this.#doubtful.clear();
    if (this.#state === state) this.#state = undefined;
    this.#table.release(spares, outcome.kind === 'committed');
    for (const drop of drops) drop.settle();
  }

  async #mend(writer: MetadataWriter): Promise<void> {
    if (await writer.mend()) return;
    this.#fail();
    this.#mendFrom = this.#now() + SECONDS_BETWEEN_MENDINGS;
  }

  /** Data that was written meanwhile is unknown: its FLUSH must not be answered with success. */
  #fail(): void {
    this.log.fail();
    this.#copies.fail();
  }
}

function degraded(name: string): DmremapError {
  return new DmremapError('io', `${name}: one of its copies cannot be written`, {
    hint: 'with one copy only new remaps are taken; none is dropped',
  });
}

function sectorAt(at: number): number {
  return Math.floor(at / SECTOR_SIZE);
}
