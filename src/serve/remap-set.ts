import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { type Header, hasExtension, STATE } from '../format/header.js';
import type { SourceIdentity } from '../migrate/identity.js';
import { Policy, type RemapMode } from '../remap/policy.js';
import type { Content } from '../store/content.js';
import { bytes, SECTOR_SIZE, type Sectors } from '../units.js';
import { ByHand } from './by-hand.js';
import { Counters, type Counts } from './counters.js';
import { LiveMigration, type MigrationFacts } from './live-migration.js';
import { MainSide } from './main-side.js';
import { openSpare, openWriter, type SpareSettings, sideOf } from './open-spare.js';
import { type RangeLock, RangeLocks } from './range-locks.js';
import { READ_MILLISECONDS } from './read-held.js';
import { RemapDevice } from './remap-device.js';
import type { Remapping } from './sector-events.js';
import { SectorIo } from './sector-io.js';
import type { SpareSide } from './spare-side.js';

export interface RemapSettings extends SpareSettings {
  /** What becomes of sectors that fail. */
  readonly remap: RemapMode;
  /** For how long a new entry may stay unsaved where nobody flushes, in milliseconds. */
  readonly saveInterval: number;
  readonly rotational: boolean;
  /** Told of each remap that is made without being asked for. */
  readonly remapped?: (remapping: Remapping) => void;
}

/** So long a request may take once nobody waits for it any more, in milliseconds. */
const HANGING = 5000;

/** How often a sector is read, and for how long, before it is given up. */
const READING = { readAttempts: 3, readMilliseconds: READ_MILLISECONDS };

/** What is told of a set that is served. */
export interface SetFacts extends Counts {
  readonly header: Header;
  /** Entries, also those that are not saved. */
  readonly remapped: number;
  readonly unsaved: number;
  readonly pending: number;
  /** Sectors that found no place on the spare when they were to be moved there, or written. */
  readonly unplaced: number;
  readonly freeSectors: number;
  /** Both copies can be written. */
  readonly isWhole: boolean;
  /** Something waits to be saved. */
  readonly isDirty: boolean;
  /** Why the last commit failed. */
  readonly failure: DmremapError | undefined;
  /** The migration that was asked for last. */
  readonly migration: MigrationFacts | undefined;
}

/** A migration to another spare, as it is asked for. */
export interface MigrationRequest {
  /** For a source that has none. */
  readonly identity: SourceIdentity;
  /** A device with the metadata of a target of this source (format.md section 8, step 1). */
  readonly prepare: (source: Content) => Promise<BlockDevice>;
  /** Called once it has ended, either way. */
  readonly ended: (facts: MigrationFacts) => void;
}

/** Where a sector of main lives. */
export interface SectorFacts {
  readonly spare: Sectors | undefined;
  readonly isPending: boolean;
  readonly isLost: boolean;
}

/**
 * A set in use: the remapped device, and what an operator can ask of it. Metadata was recovered before; the
 * devices are held exclusively, unless they are only read.
 */
export class RemapSet {
  readonly device: RemapDevice;
  readonly #io: SectorIo;
  readonly #locks: RangeLocks;
  readonly #settings: RemapSettings;
  readonly #byHand: ByHand;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #migration: LiveMigration | undefined;
  /** The spare is being changed for another, or loaded again. */
  #isChanging = false;
  #isClosing = false;

  private constructor(main: BlockDevice, side: SpareSide, counters: Counters, settings: RemapSettings) {
    this.#settings = settings;
    this.#locks = new RangeLocks();
    const blockSectors = main.physicalBlockSize / SECTOR_SIZE;
    const policy = new Policy({ mode: settings.remap, blockSectors, ...READING });
    this.#io = new SectorIo(new MainSide(main, policy, counters), side, policy, counters, {
      changed: () => this.#saveSometime(),
      remapped: (remapping) => settings.remapped?.(remapping),
    });
    this.#byHand = new ByHand(this.#io, this.#locks, () => this.save());
    const { readOnly, rotational } = settings;
    const size = bytes(Number(side.header.main_device_size) * SECTOR_SIZE);
    this.device = new RemapDevice(this.#io, this.#locks, { size, readOnly, rotational });
  }

  /**
   * Loads the set and, unless it is only read, marks it as in use.
   *
   * @throws DmremapError `wrong-main` where main is smaller than the set; as MetadataWriter.open(); `io` where
   * the mark cannot be committed
   */
  static async open(main: BlockDevice, spare: BlockDevice, settings: RemapSettings): Promise<RemapSet> {
    const opened = await openSpare(spare, settings);
    const { main_device_size } = opened.content.header;
    if (main_device_size * BigInt(SECTOR_SIZE) > BigInt(main.size))
      throw new DmremapError(
        'wrong-main',
        `${main.name} has ${main.size / SECTOR_SIZE} sectors, the set's main ${main_device_size}`,
      );
    const counters = new Counters();
    const side = await sideOf(opened, counters, settings.now, main.physicalBlockSize / SECTOR_SIZE);
    const set = new RemapSet(main, side, counters, settings);
    if (settings.readOnly) return set;
    set.#io.side.setState(STATE.dirty);
    await set.save();
    return set;
  }

  get facts(): SetFacts {
    const { side, policy, counters } = this.#io;
    return {
      ...counters.totals(side.header),
      header: side.header,
      remapped: side.entries.count,
      unsaved: side.unsaved,
      pending: policy.pending.size,
      unplaced: policy.unplaced.size,
      freeSectors: side.freeSectors,
      isWhole: side.isWhole,
      isDirty: side.isDirty,
      failure: side.failure,
      migration: this.#migration?.facts,
    };
  }

  lookup(sector: Sectors): SectorFacts {
    const { side, policy, lost } = this.#io;
    return {
      spare: side.entries.spareOf(sector),
      isPending: policy.pending.has(sector),
      isLost: lost.has(sector),
    };
  }

  /** Commits the metadata now. @throws DmremapError where it is not committed */
  save(): Promise<void> {
    return this.device.save();
  }

  /**
   * Loads the table from the spare again; waits for requests under way.
   *
   * @param discard forget entries that are not saved
   * @throws DmremapError `permission`; `usage` where there are some and they are not to be forgotten;
   * `busy` where a request hangs; as open()
   */
  async restore(discard: boolean): Promise<void> {
    await this.#changeSpare(async () => {
      this.#refuseToForget(discard);
      const lock = await this.#everything('others went on; nothing was reloaded: try again');
      try {
        this.#refuseToForget(discard);
        this.#io.leftOnMain.clear();
        await this.#io.side.reload((device) => openWriter(device, this.#settings));
      } finally {
        this.#locks.release(lock);
      }
    });
  }

  #refuseToForget(discard: boolean): void {
    const { unsaved } = this.#io.side;
    if (unsaved > 0 && !discard)
      throw new DmremapError('usage', `${unsaved} unsaved`, { hint: 'save first' });
  }

  /**
   * Takes the same spare back, under whatever name, after it was pulled; then saves. Nobody waits for requests
   * that hang on the old one, which is closed once they have ended.
   *
   * @throws DmremapError `permission`; as MetadataWriter.open() and SpareSide.adopt(): nothing has changed then;
   * as save()
   */
  async attach(device: BlockDevice): Promise<void> {
    const { side } = this.#io;
    await this.#changeSpare(() => side.adopt(() => openWriter(device, this.#settings)));
    this.#io.policy.unplaced.clear();
    side.setState(STATE.dirty);
    await this.save();
  }

  /** See ByHand.remap(). @throws DmremapError `permission`, `usage` where the device has no such sectors */
  async remap(first: Sectors, count = 1): Promise<void> {
    this.#checkSectors(first, count);
    await this.#byHand.remap(first, count);
  }

  /** See ByHand.unremap(). @throws DmremapError `permission`, `usage` where the device has no such sectors */
  async unremap(first: Sectors, count = 1): Promise<void> {
    this.#checkSectors(first, count);
    await this.#byHand.unremap(first, count);
  }

  /**
   * Begins to move the set to another spare; clients go on.
   *
   * @throws DmremapError `permission`; `busy` where it is under way already; `io`; what `prepare` throws: nothing
   * has begun then
   */
  async migrate({ identity, prepare, ended }: MigrationRequest): Promise<void> {
    await this.#changeSpare(async () => {
      const { side } = this.#io;
      if (!hasExtension(side.header)) await side.identify(identity);
      const { dropped } = side;
      const target = await this.#openTarget(await prepare(await side.snapshot()));
      if (this.#isClosing) {
        await target.leave();
        throw new DmremapError('busy', 'the server stops');
      }
      const { now } = this.#settings;
      this.#migration = new LiveMigration(this.#io, target, { now, dropped, save: () => this.save(), ended });
    });
  }

  /** One change of the spare after the other; none while the set moves. */
  async #changeSpare(work: () => Promise<void>): Promise<void> {
    if (this.#settings.readOnly) throw readOnlySet();
    if (this.#migration?.facts.isUnderWay === true)
      throw new DmremapError('busy', 'a migration is under way', { hint: 'wait for it, or migrate-cancel' });
    if (this.#isChanging) throw new DmremapError('busy', 'another message is changing the spare');
    this.#isChanging = true;
    try {
      await work();
    } finally {
      this.#isChanging = false;
    }
  }

  async #openTarget(device: BlockDevice): Promise<SpareSide> {
    const { guard: _, ...settings } = this.#settings;
    try {
      const opened = await openSpare(device, settings);
      const blockSectors = this.#io.main.device.physicalBlockSize / SECTOR_SIZE;
      return await sideOf(opened, new Counters(), settings.now, blockSectors);
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Ends a migration that is under way; resolves once it has ended, which may be with success. */
  async cancelMigration(): Promise<void> {
    if (this.#migration?.facts.isUnderWay !== true)
      throw new DmremapError('usage', 'no migration is under way');
    await this.#migration.cancel();
  }

  /** Moves all sectors back; returns those that stay, with the reason. @throws DmremapError `permission` */
  async clear(): Promise<ReadonlyMap<Sectors, DmremapError>> {
    if (this.#settings.readOnly) throw readOnlySet();
    return this.#byHand.clear();
  }

  /**
   * Waits for requests under way, makes everything durable, marks the set as clean and closes the devices. A
   * request that main does not answer is not waited for for ever: what was saved is there, and the mark stays.
   *
   * @throws DmremapError where the last commit failed, `busy` where a request hangs; the devices are closed all
   * the same
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    const uncertain: unknown = await this.#migration?.close().catch((error: unknown) => error);
    const { main, side } = this.#io;
    try {
      if (uncertain !== undefined) throw uncertain;
      // what has failed is written again while it may; what fails now is told below
      if (!this.#settings.readOnly) await this.save().catch(() => undefined);
      if (this.#settings.readOnly) return;
      const lock = await this.#everything(
        `the set stays marked as in use, what was flushed is there; once nobody holds it: dmremap check -p ${side.device.name}`,
      );
      try {
        await main.flush();
        side.setState(STATE.clean);
        await side.save();
      } finally {
        this.#locks.release(lock);
      }
    } finally {
      clearTimeout(this.#timer);
      await main.device.close();
      await side.device.close();
    }
  }

  /** Once nobody uses any sector. @throws DmremapError `busy` where that takes too long */
  async #everything(hint: string): Promise<RangeLock> {
    const all = { from: 0, end: Number.POSITIVE_INFINITY, alone: true };
    const lock = await this.#locks.acquireWithin(HANGING, all);
    if (lock !== undefined) return lock;
    throw new DmremapError('busy', `${this.#io.main.device.name} does not answer a request`, { hint });
  }

  #checkSectors(first: Sectors, count: number): void {
    if (this.#settings.readOnly) throw readOnlySet();
    if ((first + count) * SECTOR_SIZE > this.device.size)
      throw new DmremapError('usage', `the device ends before sector ${first + count - 1}`);
  }

  #saveSometime(): void {
    if (this.#timer !== undefined || this.#settings.readOnly) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.save().catch((error: unknown) => {
        if (!(error instanceof DmremapError)) throw error;
        this.#saveSometime();
      });
    }, this.#settings.saveInterval);
    this.#timer.unref();
  }
}

function readOnlySet(): DmremapError {
  return new DmremapError('permission', 'the set is served read-only');
}
