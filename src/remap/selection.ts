import { roundDown, roundUp } from '../units.js';
import type { LiveEntries } from './live-entries.js';
import { RangeSet } from './range-set.js';

/** Sectors from `first` to below `end`. */
export type Span = readonly [first: number, end: number];

/** What named sectors of main come to, in whole physical blocks. Each list ascends. */
export interface Selection {
  /** Those that have no entry: where their blocks are named in part, the rest of these too. */
  readonly homeless: readonly Span[];
  /** Those that have one. */
  readonly remapped: readonly Span[];
  /** Of the named ones alone, those that have an entry, and those that have none. */
  readonly namedRemapped: readonly Span[];
  readonly namedHomeless: readonly Span[];
}

/**
 * @param blockSectors of main's physical block, the unit in which it fails: 1 or 8
 * @param mainSize the sector behind the last of main; none is named beyond it
 */
export function select(
  entries: LiveEntries,
  named: readonly Span[],
  blockSectors: number,
  mainSize: number,
): Selection {
  const exact = joined(named);
  const narrow = parted(entries, exact);
  if (blockSectors === 1) return selectionOf(narrow, narrow);
  const wide = joined(
    exact.map(([first, end]) => [
      roundDown(first, blockSectors),
      Math.min(mainSize, roundUp(end, blockSectors)),
    ]),
  );
  return selectionOf(parted(entries, wide), narrow);
}

function selectionOf(whole: Parted, narrow: Parted): Selection {
  return {
    homeless: whole.homeless,
    remapped: whole.remapped,
    namedRemapped: narrow.remapped,
    namedHomeless: narrow.homeless,
  };
}

export function sizeOf(spans: readonly Span[]): number {
  return spans.reduce((sum, [first, end]) => sum + end - first, 0);
}

/** The sectors of spans, one by one. */
export function* sectorsIn(spans: readonly Span[]): Generator<number> {
  for (const [first, end] of spans) for (let sector = first; sector < end; sector++) yield sector;
}

/** As few spans as hold these sectors, which ascend. */
export function spansOf(sectors: Iterable<number>): Span[] {
  const spans: [number, number][] = [];
  for (const sector of sectors) {
    const last = spans.at(-1);
    if (last?.[1] === sector) last[1]++;
    else spans.push([sector, sector + 1]);
  }
  return spans;
}

/** What of `spans` is not in `others`, in as few spans as can be; both ascend, each without overlap. */
export function without(spans: readonly Span[], others: readonly Span[]): readonly Span[] {
  const left: [number, number][] = [];
  const put = (first: number, end: number): void => {
    const last = left.at(-1);
    if (last?.[1] === first) last[1] = end;
    else left.push([first, end]);
  };
  let at = 0;
  for (const [first, end] of spans) {
    while ((others[at]?.[1] ?? Infinity) <= first) at++;
    let next = first;
    for (let index = at; (others[index]?.[0] ?? Infinity) < end; index++) {
      const [from, to] = others[index] as Span;
      if (from > next) put(next, from);
      next = Math.max(next, to);
    }
    if (next < end) put(next, end);
  }
  return left;
}

/** Ascending, without overlap. */
function joined(spans: readonly Span[]): readonly Span[] {
  const set = new RangeSet();
  // in this order each one is put at the end
  for (const [first, end] of spans.toSorted(([a], [b]) => a - b)) set.add(first, end);
  return set.ranges();
}

interface Parted {
  readonly homeless: readonly Span[];
  readonly remapped: readonly Span[];
}

function parted(entries: LiveEntries, spans: readonly Span[]): Parted {
  const remapped: [number, number][] = [];
  const homeless: Span[] = [];
  for (const [first, end] of spans) {
    let next = first;
    entries.walk(first, end, (main) => {
      if (main > next) homeless.push([next, main]);
      const last = remapped.at(-1);
      if (last?.[1] === main) last[1]++;
      else remapped.push([main, main + 1]);
      next = main + 1;
    });
    if (next < end) homeless.push([next, end]);
  }
  return { homeless, remapped };
}
