import { basename } from 'node:path';
import type { CellKey, CellValue, Medium } from '../device/crash/medium.js';
import type { Recording } from '../device/crash/recording.js';
import { SECTOR_SIZE } from '../units.js';
import type { UndoStorage, UndoVolume } from './volume.js';

/**
 * A folder of undo files in memory, every write of which is recorded: of a file its sectors, its length, and
 * whether the folder knows its name are lost or kept by a power cut each by itself.
 */
export class MemoryVolume implements UndoVolume {
  readonly #cells: Map<CellKey, CellValue>;
  readonly #recording: Recording;
  readonly #medium: Medium;
  readonly #written = new Map<string, number>();
  #writes = 0;

  /** @param cells what a power cut left of an earlier one */
  constructor(recording: Recording, cells: ReadonlyMap<CellKey, CellValue> = new Map()) {
    this.#recording = recording;
    this.#medium = recording.addMedium();
    this.#cells = new Map(cells);
  }

  /** All that is in it, for a volume with the same content. */
  get cells(): ReadonlyMap<CellKey, CellValue> {
    return this.#cells;
  }

  create(path: string): UndoStorage {
    const name = basename(path);
    if (this.#exists(name)) throw systemError('EEXIST', path);
    this.put(keyOf(name, 'name'), 1);
    this.put(keyOf(name, 'length'), 0);
    return new MemoryFile(path, this);
  }

  open(path: string): UndoStorage {
    if (!this.#exists(basename(path))) throw systemError('ENOENT', path);
    return new MemoryFile(path, this);
  }

  names(): readonly string[] {
    const names = Array.from(this.#cells, ([key]) => String(key).split('\n')[0] ?? '');
    return [...new Set(names)].filter((name) => this.#exists(name));
  }

  writtenAt(path: string): number {
    return this.#written.get(basename(path)) ?? 0;
  }

  syncFolder(): void {
    this.sync((key) => key.endsWith('\nname'));
  }

  get(key: CellKey): CellValue {
    return this.#cells.get(key);
  }

  put(key: string, value: CellValue): void {
    this.#medium.write(key, value, this.#cells.get(key));
    this.#cells.set(key, value);
    this.#written.set(key.split('\n')[0] ?? '', ++this.#writes);
  }

  /** @throws Error EIO where the recording lets this flush fail */
  sync(covers: (key: string) => boolean): void {
    if (!this.#recording.flush(this.#medium, (key) => covers(String(key)))) throw systemError('EIO', 'fsync');
  }

  #exists(name: string): boolean {
    return this.#cells.get(keyOf(name, 'name')) === 1;
  }
}

type Part = 'name' | 'length' | number;

/** No name of a file holds a line feed here. */
function keyOf(name: string, part: Part): string {
  return `${name}\n${part}`;
}

class MemoryFile implements UndoStorage {
  readonly path: string;
  readonly #name: string;
  readonly #volume: MemoryVolume;

  constructor(path: string, volume: MemoryVolume) {
    this.path = path;
    this.#name = basename(path);
    this.#volume = volume;
  }

  async size(): Promise<number> {
    return this.#length;
  }

  async read(at: number, into: Uint8Array): Promise<number> {
    const count = Math.max(0, Math.min(into.length, this.#length - at));
    into.fill(0, 0, count);
    for (const { sector, from, to } of sectorsOf(at, count)) {
      const content = this.#sector(sector).subarray(from, to);
      into.set(content, sector * SECTOR_SIZE + from - at);
    }
    return count;
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    for (const { sector, from, to } of sectorsOf(at, bytes.length)) {
      const content = new Uint8Array(this.#sector(sector));
      const begin = sector * SECTOR_SIZE + from - at;
      content.set(bytes.subarray(begin, begin + to - from), from);
      this.#volume.put(keyOf(this.#name, sector), content);
    }
    const length = Math.max(this.#length, at + bytes.length);
    if (length !== this.#length) this.#volume.put(keyOf(this.#name, 'length'), length);
  }

  async sync(): Promise<void> {
    const own = keyOf(this.#name, 'name');
    this.#volume.sync((key) => key !== own && key.startsWith(`${this.#name}\n`));
  }

  async close(): Promise<void> {}

  async discard(): Promise<void> {
    this.#volume.put(keyOf(this.#name, 'name'), undefined);
  }

  get #length(): number {
    const length = this.#volume.get(keyOf(this.#name, 'length'));
    return typeof length === 'number' ? length : 0;
  }

  #sector(sector: number): Uint8Array {
    const content = this.#volume.get(keyOf(this.#name, sector));
    return content instanceof Uint8Array ? content : new Uint8Array(SECTOR_SIZE);
  }
}

/** The stretches of a run of bytes, by sectors. */
function* sectorsOf(at: number, length: number): Generator<{ sector: number; from: number; to: number }> {
  for (let done = 0; done < length; ) {
    const sector = Math.floor((at + done) / SECTOR_SIZE);
    const from = at + done - sector * SECTOR_SIZE;
    const to = Math.min(SECTOR_SIZE, from + length - done);
    yield { sector, from, to };
    done += to - from;
  }
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
