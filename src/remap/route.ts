import { type Bytes, bytes, SECTOR_SIZE } from '../units.js';
import type { LiveEntries } from './live-entries.js';

/** A part of a request that lies in one piece on one device. */
export interface Run {
  readonly on: 'main' | 'spare';
  /** Where it begins on that device. */
  readonly at: Bytes;
  /** Where it begins in the request. */
  readonly from: number;
  readonly length: number;
}

/**
 * Where the bytes of a request to main live: as few runs as there can be, in the order of the request, which
 * need not begin or end with a sector.
 */
export function route(entries: LiveEntries, offset: Bytes, length: number): Run[] {
  const end = offset + length;
  const [first, last] = [Math.floor(offset / SECTOR_SIZE), Math.ceil(end / SECTOR_SIZE)];
  const runs = new Runs();
  let at: number = offset;
  entries.walk(first, last, (main, spare) => {
    const start = main * SECTOR_SIZE;
    const from = Math.max(start, offset);
    const to = Math.min(start + SECTOR_SIZE, end);
    if (to <= from) return;
    if (from > at) runs.add('main', at, from - at);
    runs.add('spare', spare * SECTOR_SIZE + from - start, to - from);
    at = to;
  });
  if (at < end) runs.add('main', at, end - at);
  return runs.list;
}

/** Joins a run to the one before where that ends at its beginning. */
class Runs {
  readonly list: { on: Run['on']; at: Bytes; from: number; length: number }[] = [];
  #length = 0;

  add(on: Run['on'], at: number, length: number): void {
    const { list } = this;
    const last = list[list.length - 1];
    if (last !== undefined && last.on === on && last.at + last.length === at) last.length += length;
    else list.push({ on, at: bytes(at), from: this.#length, length });
    this.#length += length;
  }
}
