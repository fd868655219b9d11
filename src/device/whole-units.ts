import { roundDown, roundUp } from '../units.js';
import { AlignedPool } from './aligned.js';
import type { AsyncIo } from './async-io.js';

/** Bytes that one request to the system moves at most. */
const PIECE = AlignedPool.longest;

const bounce = new AlignedPool();

/** Whole units, of which a part is written over, in bytes. */
interface Patch {
  readonly from: number;
  readonly end: number;
  /** Resolves when that has ended, well or not. */
  readonly ended: Promise<void>;
}

/** Direct I/O of bytes that do not lie as it needs them: whole units of a device, by way of aligned memory. */
export class WholeUnits {
  readonly #io: AsyncIo;
  readonly #fd: number;
  readonly #unit: number;
  readonly #moved: (operation: 'read' | 'write', count: number, at: number) => number;
  /** Writes of less than whole units that are under way. */
  readonly #patches = new Set<Patch>();

  /**
   * @param fd with O_DIRECT
   * @param unit bytes
   * @param moved how much of a request that resolved to `count` was moved; throws where it failed or nothing was
   */
  constructor(
    io: AsyncIo,
    fd: number,
    unit: number,
    moved: (operation: 'read' | 'write', count: number, at: number) => number,
  ) {
    this.#io = io;
    this.#fd = fd;
    this.#unit = unit;
    this.#moved = moved;
  }

  async read(at: number, into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const from = roundDown(at + done, this.#unit);
      const length = Math.min(PIECE, roundUp(at + into.length, this.#unit) - from);
      const buffer = bounce.take(length);
      try {
        const count = await this.#io.read(this.#fd, buffer.subarray(0, length), from);
        const skip = at + done - from;
        const moved = this.#moved('read', count > 0 ? Math.max(0, count - skip) : count, at + done);
        const part = buffer.subarray(skip, skip + Math.min(moved, into.length - done));
        into.set(part, done);
        done += part.length;
      } finally {
        bounce.giveBack(buffer);
      }
    }
  }

  /**
   * In whole units; what is missing of one is read. So two writes to one unit must come one after the other, as
   * those of a request around a sector that lives elsewhere; requests do not meet in a unit.
   */
  async write(at: number, from: Uint8Array): Promise<void> {
    const [start, end] = [roundDown(at, this.#unit), roundUp(at + from.length, this.#unit)];
    for (let other = this.#patchIn(start, end); other !== undefined; other = this.#patchIn(start, end))
      await other.ended;
    const written = this.#patch(at, from);
    const nothing = (): undefined => undefined;
    const patch: Patch = { from: start, end, ended: written.then(nothing, nothing) };
    this.#patches.add(patch);
    try {
      await written;
    } finally {
      this.#patches.delete(patch);
    }
  }

  #patchIn(start: number, end: number): Patch | undefined {
    for (const patch of this.#patches) if (patch.from < end && patch.end > start) return patch;
    return undefined;
  }

  async #patch(at: number, from: Uint8Array): Promise<void> {
    for (let done = 0; done < from.length; ) {
      const start = roundDown(at + done, this.#unit);
      const length = Math.min(PIECE, roundUp(at + from.length, this.#unit) - start);
      const skip = at + done - start;
      const part = from.subarray(done, done + length - skip);
      const buffer = bounce.take(length);
      try {
        if (part.length < length) await this.read(start, buffer.subarray(0, length));
        buffer.set(part, skip);
        const count = await this.#io.write(this.#fd, buffer.subarray(0, length), start);
        const moved = this.#moved('write', count > 0 ? Math.max(0, count - skip) : count, at + done);
        done += Math.min(moved, part.length);
      } finally {
        bounce.giveBack(buffer);
      }
    }
  }
}
