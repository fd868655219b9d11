import { setImmediate } from 'node:timers/promises';

/** So long work goes on, in milliseconds, before others get a turn. */
const TURN = 4;

/** Pieces of work between two looks at the clock. */
const AT_A_TIME = 512;

/** Numbers that are put in order at once. */
const RUN = 1 << 13;

/** Does this for each index below `count`, while others get their turns. */
export async function inTurns(count: number, work: (index: number) => void): Promise<void> {
  let began = performance.now();
  for (let index = 0; index < count; index++) {
    work(index);
    if (index % AT_A_TIME !== AT_A_TIME - 1 || performance.now() - began < TURN) continue;
    await setImmediate();
    began = performance.now();
  }
}

/** The same numbers ascending; others get their turns meanwhile. */
export async function sortedInTurns(numbers: Float64Array): Promise<Float64Array> {
  let sorted = numbers.slice();
  const runs = Math.ceil(sorted.length / RUN);
  for (let run = 0; run < runs; run++) {
    sorted.subarray(run * RUN, (run + 1) * RUN).sort();
    await setImmediate();
  }
  let merged = new Float64Array(numbers.length);
  for (let length = RUN; length < sorted.length; length *= 2) {
    for (let first = 0; first < sorted.length; first += 2 * length)
      await merge(sorted, first, length, merged);
    [sorted, merged] = [merged, sorted];
  }
  return sorted;
}

/** Two runs of this length, from `first` on, into one; the last may be shorter, or missing. */
function merge(sorted: Float64Array, first: number, length: number, into: Float64Array): Promise<void> {
  const middle = Math.min(sorted.length, first + length);
  const end = Math.min(sorted.length, middle + length);
  let [left, right] = [first, middle];
  return inTurns(end - first, (index) => {
    const isLeft = right === end || (left < middle && (sorted[left] as number) <= (sorted[right] as number));
    into[first + index] = sorted[isLeft ? left++ : right++] as number;
  });
}
