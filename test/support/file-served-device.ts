import { closeSync, constants, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import {
  ALLOCATION_FLAG,
  type Lack,
  RequestFailed,
  SECTOR_FLAG,
  type ServedDevice,
  type ServedExtent,
  type ZeroOptions,
} from '../../src/serve/served-device.js';
import { type Bytes, bytes } from '../../src/units.js';

/** What a FileServedDevice does besides keeping bytes. */
export interface Faults {
  readonly readOnly?: boolean;
  /** Waits before any request is carried out that is not tried at once. */
  readonly wait?: (at: number) => Promise<void> | undefined;
  /** Sectors that cannot be read. */
  readonly unreadable?: ReadonlySet<number>;
  /** Sectors that cannot be written, and the system's name of the error. */
  readonly unwritable?: ReadonlyMap<number, string>;
  readonly remapped?: ReadonlySet<number>;
  /** Sectors where nothing is allocated. */
  readonly holes?: ReadonlySet<number>;
}

const SECTOR = 512;

/** A disk that is a file, through the page cache: the least that a server can serve. */
export class FileServedDevice implements ServedDevice {
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational = false;
  readonly preferredBlock = bytes(4096);
  /** Requests that were carried out, as `flush` or `write 0+512 fua`. */
  readonly log: string[] = [];
  readonly #fd: number;
  readonly #faults: Faults;

  constructor(path: string, faults: Faults = {}) {
    this.readOnly = faults.readOnly ?? false;
    this.#fd = openSync(path, this.readOnly ? constants.O_RDONLY : constants.O_RDWR);
    this.size = bytes(fstatSync(this.#fd).size);
    this.#faults = faults;
  }

  close(): void {
    closeSync(this.#fd);
  }

  tryRead(at: Bytes, into: Uint8Array): boolean {
    if (this.#faults.wait?.(at) !== undefined || this.#first(this.#faults.unreadable, at, into.length) >= 0)
      return false;
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) throw new Error('the file has become shorter');
      done += count;
    }
    return true;
  }

  async read(at: Bytes, into: Uint8Array): Promise<readonly Lack[]> {
    await this.#faults.wait?.(at);
    readSync(this.#fd, into, 0, into.length, at);
    const lacks: Lack[] = [];
    for (const sector of this.#faults.unreadable ?? []) {
      const start = Math.max(at, sector * SECTOR);
      const end = Math.min(at + into.length, (sector + 1) * SECTOR);
      if (start >= end) continue;
      into.fill(0, start - at, end - at);
      const text = `sector ${sector} cannot be read`;
      lacks.push({ at: start - at, length: end - start, errno: 'EIO', text });
    }
    return lacks.sort((a, b) => a.at - b.at);
  }

  tryWrite(at: Bytes, from: Uint8Array): boolean {
    const { wait, unwritable } = this.#faults;
    if (wait?.(at) !== undefined || this.#first(unwritable, at, from.length) >= 0) return false;
    for (let done = 0; done < from.length; )
      done += writeSync(this.#fd, from, done, from.length - done, at + done);
    return true;
  }

  async write(at: Bytes, from: Uint8Array, fua: boolean): Promise<void> {
    this.#note('write', at, from.length, fua);
    await this.#faults.wait?.(at);
    const sector = this.#first(this.#faults.unwritable, at, from.length);
    if (sector >= 0) {
      const errno = this.#faults.unwritable?.get(sector) ?? 'EIO';
      throw new RequestFailed(errno, `sector ${sector} cannot be written`, Math.max(0, sector * SECTOR - at));
    }
    writeSync(this.#fd, from, 0, from.length, at);
    if (fua) fdatasyncSync(this.#fd);
  }

  async flush(): Promise<void> {
    this.log.push('flush');
    fdatasyncSync(this.#fd);
  }

  async trim(at: Bytes, length: number, fua: boolean): Promise<void> {
    this.#note('trim', at, length, fua);
  }

  async writeZeroes(at: Bytes, length: number, { fua, mayPunch, fast }: ZeroOptions): Promise<void> {
    this.#note(mayPunch ? 'punch' : 'zero', at, length, fua);
    if (fast) throw new RequestFailed('ENOTSUP', 'zeros are written one by one', undefined);
    const zeros = new Uint8Array(1 << 16);
    for (let done = 0; done < length; done += zeros.length)
      writeSync(this.#fd, zeros, 0, Math.min(zeros.length, length - done), at + done);
  }

  async cache(at: Bytes, length: number): Promise<void> {
    this.#note('cache', at, length, false);
  }

  async allocation(at: Bytes, length: number): Promise<readonly ServedExtent[]> {
    const { holes } = this.#faults;
    if (holes === undefined) return [{ length, flags: 0 }];
    const { HOLE, ZERO } = ALLOCATION_FLAG;
    return inSectors(at, length, (sector) => (holes.has(sector) ? HOLE | ZERO : 0));
  }

  sectors(at: Bytes, length: number): readonly ServedExtent[] {
    const { unreadable, remapped } = this.#faults;
    return inSectors(at, length, (sector) => {
      if (remapped?.has(sector)) return SECTOR_FLAG.REMAPPED;
      return unreadable?.has(sector) ? SECTOR_FLAG.PENDING : 0;
    });
  }

  #note(what: string, at: number, length: number, fua: boolean): void {
    this.log.push(`${what} ${at}+${length}${fua ? ' fua' : ''}`);
  }

  /** The first bad sector in a range of bytes; -1 if there is none. */
  #first(
    bad: { has(sector: number): boolean; readonly size: number } | undefined,
    at: number,
    length: number,
  ) {
    if (bad === undefined || bad.size === 0) return -1;
    const end = Math.ceil((at + length) / SECTOR);
    for (let sector = Math.floor(at / SECTOR); sector < end; sector++) if (bad.has(sector)) return sector;
    return -1;
  }
}

/** One extent for each sector or part of one, from `at` on; neighbours alike are for the server to join. */
function inSectors(at: number, length: number, flags: (sector: number) => number): ServedExtent[] {
  const extents: ServedExtent[] = [];
  const end = at + Math.min(length, 1 << 20);
  for (let from = at; from < end; ) {
    const sector = Math.floor(from / SECTOR);
    const to = Math.min(end, (sector + 1) * SECTOR);
    extents.push({ length: to - from, flags: flags(sector) });
    from = to;
  }
  return extents;
}
