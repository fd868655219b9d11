import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a process held at a moment. */
export interface Sample {
  /** Since the load began, in milliseconds. */
  readonly at: number;
  /** Resident memory in KiB. */
  readonly rss: number;
  /** Open files. */
  readonly files: number;
}

export function sampleOf(pid: number, at: number): Sample {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return {
    at,
    rss: Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]),
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** What a process has open, sorted; sockets and pipes without their numbers. */
export function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`).replace(/:\[\d+\]$/, '')];
      } catch {
        // closed meanwhile
        return [];
      }
    })
    .sort();
}

/** The middle one of what was measured between two moments. */
export function medianBetween(
  samples: readonly Sample[],
  from: number,
  to: number,
  value: (sample: Sample) => number,
): number {
  const values = samples
    .filter(({ at }) => at >= from && at < to)
    .map(value)
    .sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}
