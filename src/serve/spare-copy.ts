import { readCarefully } from '../device/careful-read.js';
import { DeviceError } from '../errors.js';
import { bytes, SECTOR_SIZE, type Sectors } from '../units.js';
import { BySpare } from './by-spare.js';
import type { Mirror } from './mirror.js';
import { Pace } from './pace.js';
import { endsWithin } from './patience.js';
import type { SpareSide } from './spare-side.js';

/** Bytes a second that are copied at most, so that clients have most of both spares. */
const COPY_RATE = 64 << 20;

/** Sectors that are copied together at most: a client that writes one of them waits for all. */
const GROUP = 512;

/** So long a group may take to be read, in milliseconds, before it is read sector by sector. */
const SLOW = 500;

/** Once so many sectors could not be read, the others are not asked for again and again. */
const CAREFUL = 100;

export interface SpareCopyOptions {
  /** Reads a remapped sector from where else its data is; false where it is not. */
  readonly readElsewhere: (main: Sectors, into: Uint8Array) => Promise<boolean>;
  /** Raised, it ends between two groups, or sectors that are slow. */
  readonly signal: AbortSignal;
  /** Told how many bytes more were copied, or could not be. */
  readonly progress: (more: number) => void;
}

/** Step 2 of format.md section 8, while clients go on: all that lies on a spare in use goes to the target. */
export class SpareCopy {
  readonly #from: SpareSide;
  readonly #mirror: Mirror;
  readonly #options: SpareCopyOptions;

  constructor(from: SpareSide, mirror: Mirror, options: SpareCopyOptions) {
    this.#from = from;
    this.#mirror = mirror;
    this.#options = options;
  }

  /**
   * By ascending sectors, adjacent ones together. What cannot be read is missing on the target.
   *
   * @throws DmremapError, DeviceError of the target; the signal's reason
   */
  async run(): Promise<void> {
    const { signal, progress } = this.#options;
    const order = await BySpare.of(this.#from.entries);
    const pace = new Pace(COPY_RATE);
    for (let first = 0; first < order.count; ) {
      signal.throwIfAborted();
      const end = endOfGroup(order, first);
      if (!(await this.#copyTogether(order, first, end)))
        for (let index = first; index < end; index++) {
          signal.throwIfAborted();
          await this.#copyOne(order.mainAt(index), order.spareAt(index));
        }
      progress((end - first) * SECTOR_SIZE);
      await pace.worked((end - first) * SECTOR_SIZE);
      first = end;
    }
  }

  /** False where they are not all read at once, or not all are live any more. */
  async #copyTogether(order: BySpare, first: number, end: number): Promise<boolean> {
    const spare = order.spareAt(first);
    let isCopied = false;
    await this.#mirror.alone(spare, end - first, async () => {
      const mains: Sectors[] = [];
      for (let index = first; index < end; index++)
        if (this.#isLive(order.mainAt(index), order.spareAt(index))) mains.push(order.mainAt(index));
      if (mains.length < end - first) return;
      const data = new Uint8Array(mains.length * SECTOR_SIZE);
      const read = this.#from.medium.read(bytes(spare * SECTOR_SIZE), data);
      if (!(await endsWithin(SLOW, read))) return;
      await this.#mirror.put(mains, data);
      isCopied = true;
    });
    return isCopied;
  }

  async #copyOne(main: Sectors, spare: Sectors): Promise<void> {
    await this.#mirror.alone(spare, 1, async () => {
      if (!this.#isLive(main, spare)) return;
      const data = new Uint8Array(SECTOR_SIZE);
      const isRead = await this.#readOne(spare, data);
      if (isRead || (await this.#rescue(main, spare, data))) await this.#mirror.put([main], data);
      else this.#mirror.missing.add(main);
    });
  }

  /** From memory, where what was written last is not durable yet, else from the medium. */
  async #readOne(spare: Sectors, into: Uint8Array): Promise<boolean> {
    const kept = this.#from.medium.copyOf(spare);
    if (kept !== undefined) {
      into.set(kept);
      return true;
    }
    if (this.#from.medium.isUnknown(spare)) return false;
    const at = bytes(spare * SECTOR_SIZE);
    try {
      if (this.#mirror.missing.size < CAREFUL)
        return (await readCarefully(this.#from.device, at, into)).length === 0;
      await this.#from.device.read(at, into);
      return true;
    } catch (error) {
      if (error instanceof DeviceError) return false;
      throw error;
    }
  }

  /** The spare in use gets it back, where it takes it: a disk gives such a sector another place. */
  async #rescue(main: Sectors, spare: Sectors, into: Uint8Array): Promise<boolean> {
    try {
      if (!(await this.#options.readElsewhere(main, into))) return false;
      await this.#from.medium.rewrite(spare, into, main);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.operation === 'read') return false;
      this.#mirror.rescued.add(main);
    }
    return true;
  }

  #isLive(main: Sectors, spare: Sectors): boolean {
    return this.#from.entries.spareOf(main) === spare;
  }
}

/** Behind the last of the entries whose places are adjacent. */
function endOfGroup(order: BySpare, first: number): number {
  const spare = order.spareAt(first);
  let end = first + 1;
  while (end < order.count && end - first < GROUP && order.spareAt(end) === spare + end - first) end++;
  return end;
}
