import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { RemapTable } from '../format/entry.js';
import type { Header } from '../format/header.js';
import { extensionFor, type SourceIdentity } from '../migrate/identity.js';
import type { LiveEntries } from '../remap/live-entries.js';
import type { Mover } from '../remap/mover.js';
import { type Content, contentOf } from '../store/content.js';
import type { NewEntry } from '../store/step.js';
import type { MetadataWriter } from '../store/writer.js';
import { type Bytes, type Sectors, sectors } from '../units.js';
import type { Counters } from './counters.js';
import { Joined } from './joined.js';
import { endsWithin } from './patience.js';
import { SpareMedium } from './spare-medium.js';
import { SpareTable } from './spare-table.js';
import { writePlaced } from './write-placed.js';

/** A copy that cannot be written is not tried again before: each try costs the disk's time. */
const SECONDS_BETWEEN_MENDINGS = 30n;

/** So long a commit on a spare that was pulled may take to end, in milliseconds. */
const HANGING = 5000;

/** Unix seconds. */
export type Clock = () => bigint;

/** An entry that is to go, once the generation without it is committed. */
interface Drop {
  readonly main: Sectors;
  readonly settle: (failure?: DmremapError) => void;
}

/** What the next commit makes known: its data was flushed before. */
interface Fresh {
  readonly append: readonly NewEntry[];
  /** Entries with other places than before; some of them may be among those to append. */
  readonly relocated: readonly NewEntry[];
}

/**
 * The spare of a set that is in use: its medium, and its entries, which are committed with all that has gathered
 * since the last commit (format.md section 4).
 */
export class SpareSide {
  readonly medium: SpareMedium;
  readonly #blockSectors: number;
  #table: SpareTable;
  #counters: Counters;
  readonly #now: Clock;
  /** Undefined where nothing may be written. */
  #writer: MetadataWriter | undefined;
  readonly #saving = new Joined(() => this.#alone(() => this.#save()));
  #last: Promise<void> = Promise.resolve();
  #header: Header;
  #drops: Drop[] = [];
  #dropped = 0;
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
    { header, table }: { readonly header: Header; readonly table: SpareTable },
    writer: MetadataWriter | undefined,
    { counters, now, blockSectors }: { counters: Counters; now: Clock; blockSectors: number },
  ) {
    this.medium = new SpareMedium(device, () => this.save().catch(() => undefined));
    this.#writer = writer;
    this.#header = header;
    this.#counters = counters;
    this.#now = now;
    this.#blockSectors = blockSectors;
    this.#table = table;
  }

  get entries(): LiveEntries {
    return this.#table.entries;
  }

  get mover(): Mover {
    return this.#table.mover;
  }

  get device(): BlockDevice {
    return this.medium.device;
  }

  /** As committed last. */
  get header(): Header {
    return this.#writer?.content.header ?? this.#header;
  }

  /** Entries that a power cut would take. */
  get unsaved(): number {
    if (this.#writer === undefined) return 0;
    const { count } = this.#writer.content.table;
    return this.entries.count - count + this.#table.relocatedBelow(count);
  }

  /** How many entries were dropped since it was opened. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether data that a client has written, or the way to it, would not survive a power cut. */
  get isAtStake(): boolean {
    return this.unsaved > 0 || this.medium.log.isDirty || !this.medium.log.unknown.isEmpty;
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

  /** Closes the device once nothing is under way on it; nobody asks for anything new. */
  async leave(): Promise<void> {
    await this.medium.quiet();
    await this.#last;
    await this.device.close();
  }

  /**
   * Goes on with the same spare under another name, after it was gone. What was not durable yet is unknown, and
   * written again where a copy is kept. Requests on the old one come to their end there, whenever that is: what
   * they write is not taken for durable. Then it is closed.
   *
   * @param open the spare, with a writer over it
   * @throws DmremapError `wrong-device` where it has another identity, `changed-since` where it has other
   * entries, `busy` where a commit on the old one hangs: what that writes must not come behind what the new one
   * takes; what `open` throws. Nothing has changed then.
   */
  async adopt(open: () => Promise<{ device: BlockDevice; writer: MetadataWriter }>): Promise<void> {
    if (!(await endsWithin(HANGING, this.#last)))
      throw new DmremapError('busy', `${this.device.name} does not answer, and a commit waits for it`, {
        hint: 'once that has ended, well or not, the spare can be attached',
      });
    return this.#alone(async () => {
      const { device, writer } = await open();
      this.#checkSame(device.name, writer.content);
      this.#table.follow(writer.content.table);
      this.#doubtful.clear();
      this.#writer = writer;
      this.medium.replace(device);
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
      await this.medium.flush();
      const { writer } = await open(this.device);
      this.#table = await SpareTable.load(this.device, writer.content, this.#blockSectors);
      this.#writer = writer;
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

  /** See writePlaced(). */
  write(at: Bytes, from: Uint8Array, main: Sectors, relocated: (main: Sectors) => void): Promise<void> {
    const mayRelocate = (): boolean =>
      this.#writer !== undefined && this.#writer.refusesChanges === undefined;
    return writePlaced({ medium: this.medium, table: this.#table, mayRelocate, relocated }, at, from, main);
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
    const { follower } = this.medium;
    if (follower === undefined || spare === undefined) return this.#drop(main);
    return follower.drop(main, spare, () => this.#drop(main));
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

  /** Commits although nothing has changed: finds a copy that takes no write. @throws DmremapError where none takes it */
  touch(): Promise<void> {
    return this.exclusively(async (writer) => {
      const outcome = await writer.commit({}, this.#now());
      if (outcome.kind === 'committed') return;
      if ('failure' in outcome && outcome.failure !== undefined) this.medium.fail();
      if (outcome.kind !== 'degraded') throw outcome.failure;
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
      this.medium.fail();
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
    this.medium.follower = undefined;
  }

  /** From now on it is in use, and what happens to the set is counted in its header. */
  takeOver(counters: Counters): void {
    this.#counters = counters;
  }

  async #save(): Promise<void> {
    const drops = this.#drops;
    this.#drops = [];
    try {
      // what comes later may have data that the flush does not cover
      const fresh = this.#fresh();
      await this.medium.flush();
      await this.#commit(fresh, drops);
      this.#failure = undefined;
    } catch (error) {
      if (!(error instanceof DmremapError)) throw error;
      this.#failure = error;
      for (const { settle } of drops) settle(error);
      throw error;
    }
  }

  #fresh(): Fresh {
    if (this.#writer === undefined) return { append: [], relocated: [] };
    return {
      append: this.#table.entriesIn(this.#writer.content.table.count, this.entries.count),
      relocated: this.#table.relocated(),
    };
  }

  async #commit({ append, relocated }: Fresh, drops: readonly Drop[]): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    const mends = writer.health === 'unknown' || this.#now() >= this.#mendFrom;
    if (writer.health !== 'whole' && mends) await this.#mend(writer);
    const saved = writer.content.table.count;
    const refusal = this.#table.relocatedBelow(saved) > 0 ? writer.refusesChanges : undefined;
    const edit = refusal === undefined ? this.#editsFor(relocated, saved) : new Map<number, NewEntry>();
    const isIdle = append.length + drops.length + edit.size === 0;
    if (isIdle && this.#state === undefined && !this.#counters.isDirty) {
      if (refusal !== undefined) throw refusal;
      return;
    }
    if (drops.length > 0 && !this.isWhole) throw degraded(this.device.name);
    const state = this.#state;
    const { fields, settle } = this.#counters.fields(writer.content.header);
    const mains = drops.map(({ main }) => main);
    const { slots, spares, undo } = this.#table.takeOut(mains, saved);
    const header = state === undefined ? fields : { ...fields, state };
    const outcome = await writer.commit({ header, edit, append, remove: slots }, this.#now());
    if (outcome.kind !== 'committed' && 'failure' in outcome && outcome.failure !== undefined)
      this.medium.fail();
    if (outcome.kind === 'failed' || outcome.kind === 'unknown') {
      undo();
      for (const main of mains) this.#doubtful.add(main);
      throw outcome.failure;
    }
    settle();
    this.#doubtful.clear();
    if (this.#state === state) this.#state = undefined;
    this.#table.settle(writer.content.table);
    this.#table.release(spares, outcome.kind === 'committed');
    this.#dropped += drops.length;
    for (const drop of drops) drop.settle();
    // what could be committed is; a sector that a power cut would take back to a place that failed is not safe
    if (refusal !== undefined) throw refusal;
  }

  /** The slots whose entries are to name other places. */
  #editsFor(relocated: readonly NewEntry[], saved: number): Map<number, NewEntry> {
    const edit = new Map<number, NewEntry>();
    for (const entry of relocated) {
      const slot = this.entries.slotOf(sectors(entry[0]));
      if (slot !== undefined && slot < saved) edit.set(slot, entry);
    }
    return edit;
  }

  async #mend(writer: MetadataWriter): Promise<void> {
    if (await writer.mend()) return;
    this.medium.fail();
    this.#mendFrom = this.#now() + SECONDS_BETWEEN_MENDINGS;
  }
}

function degraded(name: string): DmremapError {
  return new DmremapError('io', `${name}: one of its copies cannot be written`, {
    hint: 'with one copy only new remaps are taken; none is dropped',
  });
}
