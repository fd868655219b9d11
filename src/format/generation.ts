/**
 * Generations are serial numbers in the sense of RFC 1982 over 1…0xFFFFFFFF: after 0xFFFFFFFF comes 1, a
 * distance of one. 0 is never a generation; where damage put it, it is older than all others.
 */

const LAST = 0xffffffff;

export const FIRST_GENERATION = 1;

export function nextGeneration(generation: number): number {
  return generation >= LAST ? FIRST_GENERATION : generation + 1;
}

/**
 * What follows a generation that may have been written in part: one beyond the next, so that a copy which is
 * exactly one newer than the other is always an update in flight (format.md section 4).
 */
export function generationAfterFailure(failed: number): number {
  return nextGeneration(nextGeneration(failed));
}

/** How many commits `to` is newer than `from`; negative where it is older. */
export function generationDistance(from: number, to: number): number {
  if (from === to) return 0;
  if (from === 0) return LAST;
  if (to === 0) return -LAST;
  const ahead = (to - from + LAST) % LAST;
  return ahead <= LAST / 2 ? ahead : ahead - LAST;
}

export function isNewer(candidate: number, than: number): boolean {
  return generationDistance(than, candidate) > 0;
}
