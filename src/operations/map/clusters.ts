/** Remapped sectors of main that lie together. */
export interface Cluster {
  readonly first: number;
  readonly last: number;
  /** Remapped sectors in it. */
  readonly count: number;
}

export interface Clusters {
  /** All of them, also those that are not listed. */
  readonly total: number;
  /** Those with the most remapped sectors, the largest first. */
  readonly largest: readonly Cluster[];
}

/** Sectors no further apart than this belong together: 1 MiB, about a track of a disk. */
export const CLUSTER_GAP = 2048;

const LISTED = 8;

/** @param sectors ascending, each once; there may be as many clusters as sectors, so that few are kept */
export function clustersOf(sectors: Float64Array): Clusters {
  const largest: Cluster[] = [];
  let total = 0;
  for (let from = 0; from < sectors.length; ) {
    let to = from + 1;
    while (to < sectors.length && (sectors[to] ?? 0) - (sectors[to - 1] ?? 0) <= CLUSTER_GAP) to++;
    total++;
    if (largest.length < LISTED || to - from > (largest.at(-1)?.count ?? 0))
      insert(largest, { first: sectors[from] ?? 0, last: sectors[to - 1] ?? 0, count: to - from });
    from = to;
  }
  return { total, largest };
}

/** Before the first one that is smaller. */
function insert(largest: Cluster[], cluster: Cluster): void {
  const at = largest.findIndex(({ count }) => count < cluster.count);
  largest.splice(at < 0 ? largest.length : at, 0, cluster);
  largest.length = Math.min(largest.length, LISTED);
}
