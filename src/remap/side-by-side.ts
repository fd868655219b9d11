import type { Bytes } from '../units.js';
import type { Run } from './route.js';

/** Runs of a request that lie one behind the other on the spare, whatever lies between them in the request. */
export interface Group {
  /** Where the first of them begins on the spare. */
  readonly at: Bytes;
  /** Of all of them, in bytes. */
  readonly length: number;
  /** At least one, in the order of the request. */
  readonly runs: readonly Run[];
}

/** Bytes of a group of more than one run, at most: so much is copied on its way. */
export const MOST_TOGETHER = 65536;

/**
 * What a request has on the spare, in as few pieces as the spare can be asked for. Sectors that were remapped
 * one after the other, as from a list of bad sectors, lie side by side there.
 *
 * @param runs of a request, as route() gives them
 * @param most bytes of a group of more than one run
 */
export function sideBySide(runs: readonly Run[], most: number = MOST_TOGETHER): Group[] {
  const groups: { at: Bytes; length: number; runs: Run[] }[] = [];
  for (const run of runs) {
    if (run.on === 'main') continue;
    const last = groups.at(-1);
    if (last !== undefined && last.at + last.length === run.at && last.length + run.length <= most) {
      last.runs.push(run);
      last.length += run.length;
    } else groups.push({ at: run.at, length: run.length, runs: [run] });
  }
  return groups;
}

/** Copies what a group has in a request to one piece. */
export function gather({ runs }: Group, request: Uint8Array, piece: Uint8Array): void {
  let at = 0;
  for (const { from, length } of runs) {
    piece.set(request.subarray(from, from + length), at);
    at += length;
  }
}

/** Copies what was read of a group to its places in a request. */
export function scatter({ runs }: Group, piece: Uint8Array, request: Uint8Array): void {
  let at = 0;
  for (const { from, length } of runs) {
    request.set(piece.subarray(at, at + length), from);
    at += length;
  }
}
