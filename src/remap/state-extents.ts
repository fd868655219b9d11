import { SECTOR_SIZE } from '../units.js';

/** Sectors in one state, such as the remapped or the pending ones. */
export interface StateLayer {
  /** The first of them from this sector on; infinity where there is none. */
  next(sector: number): number;
}

/** A run of bytes whose sectors are in the same states. */
export interface StateExtent {
  /** In bytes. */
  readonly length: number;
  /** The flags of the layers that they are in, together. */
  readonly flags: number;
}

/**
 * In which states the sectors of a range of bytes are, in as few extents as there can be, from its offset on.
 * They end early after so many steps, each over a sector in some state or up to the next one.
 * @param layers with the flag of each
 */
export function stateExtents(
  offset: number,
  length: number,
  layers: readonly (readonly [layer: StateLayer, flag: number])[],
  mostSteps: number,
): StateExtent[] {
  const end = offset + length;
  const extents: { length: number; flags: number }[] = [];
  let at = offset;
  for (let steps = 0; at < end && steps < mostSteps; steps++) {
    const sector = Math.floor(at / SECTOR_SIZE);
    let flags = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (const [layer, flag] of layers) {
      const next = layer.next(sector);
      if (next === sector) flags |= flag;
      nearest = Math.min(nearest, next);
    }
    const to = Math.min(end, (flags === 0 ? nearest : sector + 1) * SECTOR_SIZE);
    const last = extents.at(-1);
    if (last?.flags === flags) last.length += to - at;
    else extents.push({ length: to - at, flags });
    at = to;
  }
  return extents;
}
