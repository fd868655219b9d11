import { isMediumError } from '../device/errnos.js';
import type { FileDevice } from '../device/file-device.js';
import { type Span, sizeOf, without } from '../remap/selection.js';
import { Counters } from '../serve/counters.js';
import type { SpareTable } from '../serve/spare-table.js';
import { commit } from '../store/commit.js';
import type { Content } from '../store/content.js';
import { ChangeFailed } from '../store/failure.js';
import { inParts, type Phase } from '../store/phase.js';
import { contentAfter, type NewEntry, stepOf } from '../store/step.js';
import { BLOCK_SIZE, SECTOR_SIZE, sectors } from '../units.js';
import type { SetToChange } from './set-to-change.js';
import type { TakenData } from './taken-data.js';
import { asWritten, writeBack } from './write-back.js';

/** What a remap writes. */
export interface Planned {
  readonly content: Content;
  /** The data of the new entries goes to free sectors; undefined where there are none. */
  readonly data: Phase | undefined;
  /** All of it, in order. */
  readonly phases: readonly Phase[];
}

/**
 * The entries for sectors of main, and the writes that give their data a place.
 *
 * @param wanted of those that were taken
 * @param now Unix seconds
 */
export async function planRemap(
  { spare, corrected }: SetToChange,
  table: SpareTable,
  wanted: readonly Span[],
  taken: TakenData,
  now: bigint,
): Promise<Planned> {
  const { before, corrections } = corrected;
  if (wanted.length === 0) return { content: before, data: undefined, phases: [] };
  const moves = wanted.flatMap(([first, end]) => table.mover.begin(sectors(first), sectors(end)));
  const append = moves.flatMap(({ main, spare: place, count }) =>
    Array.from({ length: count }, (_, index): NewEntry => [main + index, place + index]),
  );
  const writes = await taken.writesTo(spare, moves);
  const counters = new Counters();
  counters.add('manual_remaps', append.length);
  counters.add('read_errors', sizeOf(taken.lost));
  counters.add('lost_remaps', sizeOf(taken.lost) - sizeOf(without(taken.lost, wanted)));
  const { fields } = counters.fields(before.header);
  const step = stepOf(before, { header: fields, append }, now);
  const data: Phase = {
    purpose: `write the data of new remaps (${append.length}) to free sectors`,
    writes,
    isReadBack: true,
    ifFails: { copy: undefined, secure: [], tidy: [], stands: 'before' },
  };
  const phases = inParts([corrections, [data, ...commit(step, spare.logicalBlockSize)]]);
  return { content: contentAfter(before, step), data, phases };
}

/** How often places are tried. */
const ATTEMPTS = 8;

/**
 * A free sector of the spare may take no data, which shows when it is written: then others are tried.
 *
 * @param attempt told of the sectors that are to be left alone
 * @param isRoom whether there are enough sectors without these
 */
export async function aroundBadPlaces<Result>(
  spare: FileDevice,
  attempt: (bad: readonly number[], remember: (planned: Planned) => void) => Promise<Result>,
  {
    isRoom,
    signal,
  }: { readonly isRoom: (bad: readonly number[]) => boolean; readonly signal?: AbortSignal | undefined },
): Promise<Result> {
  let bad: readonly number[] = [];
  for (let left = ATTEMPTS - 1; ; left--) {
    let data: Phase | undefined;
    try {
      return await attempt(bad, (planned) => {
        ({ data } = planned);
      });
    } catch (error) {
      const more = left > 0 ? await refusedPlaces(spare, data, error, signal) : undefined;
      if (more === undefined || !isRoom([...bad, ...more])) throw error;
      bad = [...bad, ...more];
    }
  }
}

/**
 * The sectors of the spare that do not take their data, after a change that has ended there. Undefined where it has
 * ended elsewhere, or the spare takes nothing at all.
 */
async function refusedPlaces(
  spare: FileDevice,
  data: Phase | undefined,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<readonly number[] | undefined> {
  const failed = [error, error instanceof Error ? error.cause : undefined].find(
    (one) => one instanceof ChangeFailed,
  );
  if (data === undefined || failed?.purpose !== data.purpose || !isMediumError(failed.errno))
    return undefined;
  try {
    const refused = await writeBack(await asWritten(spare), data.writes, { signal });
    const all = data.writes.reduce((sum, write) => sum + write.bytes.length, 0) / SECTOR_SIZE;
    return refused.size === all && all > ONE_PLACE ? undefined : [...refused];
  } catch {
    return undefined; // what it has failed of at first is the error
  }
}

/** Sectors of the largest physical block: that all of it fails says nothing of others. */
const ONE_PLACE = BLOCK_SIZE / SECTOR_SIZE;
