import { constants, statfsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DeviceError, DmremapError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors, roundDown, SECTOR_SIZE } from '../units.js';
import { isAligned, PAGE } from './aligned.js';
import { type AsyncIo, FALLOCATE } from './async-io.js';
import type { AnswersAtOnce } from './at-once.js';
import type { BlockDevice } from './block-device.js';
import { errnoOf, type FileDevice } from './file-device.js';
import type { KnowsHoles } from './holes.js';
import { readCached, readNow, writeNow } from './moving-now.js';
import { eachPart, type MovesParts, type Part, type PartFailure } from './parts.js';
import type { ReadsPastCache } from './past-cache.js';
import { type Pieces, readPiecesNow } from './pieces-now.js';
import { poolIo } from './pool-io.js';
import { errnoName } from './syscalls.js';
import { uringIo } from './uring.js';
import { WholeUnits } from './whole-units.js';
import type { Zeroes } from './zeroing.js';

/**
 * direct: past the page cache, so that an error of the medium is seen by the request that meets it. writeback:
 * through it, so that a write is answered by memory and its error may surface at a flush.
 */
export type CacheMode = 'direct' | 'writeback';

/** tmpfs, whose files are nowhere but in memory and swap, as this program is (statfs(2)). It lacks RWF_NOWAIT. */
const MEMORY = 0x01021994;

/**
 * File systems of this machine whose page cache takes a write without asking anybody: ext2 to ext4, XFS, btrfs,
 * F2FS.
 */
const LOCAL: readonly number[] = [MEMORY, 0xef53, 0x58465342, 0x9123683e, 0xf2f52010];

/** A write into memory that took so many milliseconds had to wait, and for so long none is tried after it. */
const [WAITED, PAUSE] = [10, 200];

/** Large enough to lie where memory does not move (readCached). */
const oneByte = new Uint8Array(128);

/** An open file or block device of which many requests are carried out at a time. */
export class ConcurrentFile
  implements BlockDevice, ReadsPastCache, KnowsHoles, AnswersAtOnce, MovesParts, Zeroes
{
  readonly #file: FileDevice;
  readonly #io: AsyncIo;
  readonly #fd: number;
  /** A second descriptor of the same file with O_DIRECT. */
  readonly #direct: FileHandle | undefined;
  /** For what cannot be asked for as it is; undefined where #direct is. */
  readonly #wholeUnits: WholeUnits | undefined;
  /** What direct requests are made in, in bytes. */
  readonly #unit: number;
  /** There is no medium to wait for. */
  readonly #isMemory: boolean;
  /** The page cache can be asked for what it has. */
  #givesAtOnce: boolean;
  /** Writes may go into memory at once. */
  readonly #takesAtOnce: boolean;
  /** When one is tried again, by performance.now(). */
  #tryFrom = 0;
  /** Where there was data when the file was asked last. To call it so is never wrong, if a hole comes to be there. */
  #data = { from: 0, end: bytes(0) };
  /** While one is under way, writes wait for it. */
  #flushes = 0;

  private constructor(file: FileDevice, fd: number, direct: FileHandle | undefined, io: AsyncIo) {
    this.#file = file;
    this.#fd = fd;
    this.#direct = direct;
    this.#unit = file.logicalBlockSize;
    this.#io = io;
    const moved = this.#moved.bind(this);
    this.#wholeUnits = direct && new WholeUnits(io, direct.fd, this.#unit, moved);
    this.#givesAtOnce = direct === undefined;
    const isImage = file.kind === 'image' && direct === undefined;
    const fileSystem = isImage ? statfsSync(file.realPath).type : undefined;
    this.#isMemory = fileSystem === MEMORY;
    this.#takesAtOnce = file.writable && fileSystem !== undefined && LOCAL.includes(fileSystem);
  }

  /**
   * @param file stays open as long as this, and is closed by it
   * @throws DmremapError `unsupported` where its file system has no direct I/O
   */
  static async open(
    file: FileDevice,
    cache: CacheMode,
    io: AsyncIo = uringIo() ?? poolIo,
  ): Promise<ConcurrentFile> {
    const { fd, name } = file;
    if (fd === undefined) throw new DmremapError('unsupported', `${name} is no file of this system`);
    if (cache === 'writeback') return new ConcurrentFile(file, fd, undefined, io);
    const access = file.writable ? constants.O_RDWR : constants.O_RDONLY;
    try {
      // Through /proc, so that it is the same file whatever its path means by now.
      const direct = await open(`/proc/self/fd/${fd}`, access | constants.O_DIRECT);
      return new ConcurrentFile(file, fd, direct, io);
    } catch (error) {
      throw new DmremapError('unsupported', `${name}: direct I/O is refused: ${errnoOf(error)}`, {
        hint: 'serve it with --cache=writeback',
        cause: error,
      });
    }
  }

  get name(): string {
    return this.#file.name;
  }

  get size(): Bytes {
    return this.#file.size;
  }

  get logicalBlockSize(): number {
    return this.#file.logicalBlockSize;
  }

  get physicalBlockSize(): number {
    return this.#file.physicalBlockSize;
  }

  get writable(): boolean {
    return this.#file.writable;
  }

  get failsInPages(): boolean {
    return this.#direct === undefined;
  }

  async read(at: Bytes, into: Uint8Array): Promise<void> {
    this.#checkRange('read', at, into.length, 'EINVAL');
    const fd = this.#direct?.fd ?? this.#fd;
    for (let done = 0; done < into.length; ) {
      const rest = done === 0 ? into : into.subarray(done);
      if (this.#wholeUnits !== undefined && !this.#fits(at + done, rest))
        return this.#wholeUnits.read(at + done, rest);
      const count = await this.#io.read(fd, rest, at + done);
      done += this.#moved('read', count, at + done);
    }
  }

  async write(at: Bytes, from: Uint8Array): Promise<void> {
    if (!this.writable) throw this.#failure('write', 'EBADF', at);
    this.#checkRange('write', at, from.length, 'ENOSPC');
    const fd = this.#direct?.fd ?? this.#fd;
    for (let done = 0; done < from.length; ) {
      const rest = done === 0 ? from : from.subarray(done);
      if (this.#wholeUnits !== undefined && !this.#fits(at + done, rest))
        return this.#wholeUnits.write(at + done, rest);
      const count = await this.#io.write(fd, rest, at + done);
      done += this.#moved('write', count, at + done);
    }
  }

  async readParts<Of extends Part>(
    parts: readonly Of[],
    into: Uint8Array,
  ): Promise<readonly PartFailure<Of>[]> {
    const fd = this.#direct?.fd ?? this.#fd;
    const areSent = this.#allFit(parts, into);
    const counts = areSent ? await this.#io.readParts(fd, into, parts) : [];
    return this.#restOf(parts, counts, 'read', (at, from, end) => this.read(at, into.subarray(from, end)));
  }

  async writeParts<Of extends Part>(
    parts: readonly Of[],
    from: Uint8Array,
  ): Promise<readonly PartFailure<Of>[]> {
    const fd = this.#direct?.fd ?? this.#fd;
    const areSent = this.writable && this.#allFit(parts, from);
    const counts = areSent ? await this.#io.writeParts(fd, from, parts) : [];
    return this.#restOf(parts, counts, 'write', (at, start, end) =>
      this.write(at, from.subarray(start, end)),
    );
  }

  /** Whether the system can be asked for all of these as they are. */
  #allFit(parts: readonly Part[], memory: Uint8Array): boolean {
    const unit = this.#direct === undefined ? SECTOR_SIZE : this.#unit;
    if (this.#direct !== undefined && !isAligned(memory, unit)) return false;
    const isFit = ({ at, from, length }: Part): boolean =>
      at % unit === 0 && from % unit === 0 && length % unit === 0 && at + length <= this.size;
    return parts.every(isFit);
  }

  /** Goes on with what has not come to its end yet. @param counts what became of each; none where nobody was asked */
  #restOf<Of extends Part>(
    parts: readonly Of[],
    counts: readonly number[],
    operation: 'read' | 'write',
    move: (at: Bytes, from: number, end: number) => Promise<void>,
  ): readonly PartFailure<Of>[] | Promise<readonly PartFailure<Of>[]> {
    if (parts.every(({ length }, index) => counts[index] === length)) return [];
    return eachPart(parts, (part, index) => {
      const count = counts[index] ?? 0;
      if (count === part.length) return undefined;
      if (count < 0) return Promise.reject(this.#failure(operation, errnoName(-count), part.at));
      const end = part.from + part.length;
      return move(bytes(part.at + count), part.from + count, end);
    });
  }

  async flush(): Promise<void> {
    this.#flushes++;
    const result = await this.#io.sync(this.#fd);
    this.#flushes--;
    if (result < 0) throw new DeviceError(this.name, 'flush', errnoName(-result), undefined);
  }

  async close(): Promise<void> {
    await this.#direct?.close();
    await this.#file.close();
  }

  async readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    if (this.#direct === undefined) return this.#file.readPastCache(at, into);
    await this.read(at, into);
    return true;
  }

  nextData(at: Bytes): Promise<Bytes> {
    return this.#file.nextData(at);
  }

  /** Asked once for each range of data: tmpfs looks at every page of it. */
  async nextHole(at: Bytes): Promise<Bytes> {
    const known = this.#data;
    if (at >= known.from && at < known.end) return known.end;
    const end = await this.#file.nextHole(at);
    this.#data = { from: at, end };
    return end;
  }

  readAtOnce(at: number, into: Uint8Array, from: number, length: number): boolean {
    if (this.#isMemory) return readNow(this.#fd, into, from, length, at);
    if (!this.#givesAtOnce) return false;
    const isDone = readCached(this.#fd, into, from, length, at);
    if (isDone === undefined) this.#givesAtOnce = false;
    return isDone === true;
  }

  readPiecesAtOnce(pieces: Pieces, into: Uint8Array, missing: (index: number) => void): void {
    const isAsked = this.#isMemory || this.#givesAtOnce;
    if (isAsked && readPiecesNow(this.#fd, pieces, into, this.#isMemory, missing)) return;
    if (!this.#isMemory) this.#givesAtOnce = false;
    for (let index = 0; index < pieces.starts.length; index++) missing(index);
  }

  writeAtOnce(at: number, source: Uint8Array, from: number, length: number): boolean {
    if (!this.#takesAtOnce || this.#flushes > 0 || at + length > this.size) return false;
    if (this.#isMemory) return writeNow(this.#fd, source, from, length, at);
    const began = performance.now();
    if (began < this.#tryFrom || !this.#hasEnds(at, length)) return false;
    const isDone = writeNow(this.#fd, source, from, length, at);
    const now = performance.now();
    if (now - began > WAITED) this.#tryFrom = now + PAUSE;
    return isDone;
  }

  /** Pages that are written in part are in the cache: they need not be read first. */
  #hasEnds(at: number, length: number): boolean {
    const end = at + length;
    const hasBeginning = at % PAGE === 0 || this.readAtOnce(at, oneByte, 0, 1);
    const isOnePage = at % PAGE !== 0 && roundDown(at, PAGE) === roundDown(end - 1, PAGE);
    return hasBeginning && (isOnePage || end % PAGE === 0 || this.readAtOnce(end - 1, oneByte, 0, 1));
  }

  async zero(at: Bytes, length: number, mayPunch: boolean): Promise<boolean> {
    if (this.#file.kind === 'block') return false;
    this.#checkRange('write', at, length, 'ENOSPC');
    const mode = FALLOCATE.KEEP_SIZE | (mayPunch ? FALLOCATE.PUNCH_HOLE : FALLOCATE.ZERO_RANGE);
    const result = await this.#io.allocate(this.#fd, mode, at, length);
    this.#data = { from: 0, end: bytes(0) };
    if (result >= 0) return true;
    const errno = errnoName(-result);
    // ENOSYS: a file system in user space; EINVAL: a mode that this one does not know
    if (['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL'].includes(errno)) return false;
    throw this.#failure('write', errno, at);
  }

  /** Whether a direct request can be made as it is. */
  #fits(at: number, memory: Uint8Array): boolean {
    return at % this.#unit === 0 && memory.length % this.#unit === 0 && isAligned(memory, this.#unit);
  }

  /** What a request has moved; it has come to its end where that is nothing. */
  #moved(operation: 'read' | 'write', count: number, at: number): number {
    if (count < 0) throw this.#failure(operation, errnoName(-count), at);
    if (count === 0) throw this.#failure(operation, 'ENXIO', at, 'it has become shorter');
    return count;
  }

  #checkRange(operation: 'read' | 'write', at: number, length: number, past: string): void {
    const whole = at % SECTOR_SIZE === 0 && length % SECTOR_SIZE === 0 && at >= 0;
    if (!whole) throw this.#failure(operation, 'EINVAL', at, 'the request is not in whole sectors');
    if (at + length > this.size)
      throw this.#failure(operation, past, at, `the device ends at byte ${this.size}`);
  }

  #failure(operation: 'read' | 'write', errno: string, at: number, hint?: string): DeviceError {
    const place = bytesToSectors(bytes(at));
    return new DeviceError(this.name, operation, errno, place, hint === undefined ? {} : { hint });
  }
}
