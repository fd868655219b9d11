/** Main cut into equal cells, in rows. */
export interface Grid {
  readonly perRow: number;
  readonly rows: number;
}

/** How many remapped sectors lie in each cell. */
export interface Cells {
  readonly perRow: number;
  /** Sectors of main that one cell stands for; the last cell may have fewer. A power of two. */
  readonly size: number;
  readonly counts: Uint32Array;
}

/** The smallest cells of which main has no more than the grid. */
export function cellSize(mainSectors: number, { perRow, rows }: Grid): number {
  let size = 1;
  while (Math.ceil(mainSectors / size) > perRow * rows) size *= 2;
  return size;
}

/** @param sectors remapped sectors of main, all below `mainSectors` */
export function cellsOf(sectors: Float64Array, mainSectors: number, grid: Grid): Cells {
  const size = cellSize(mainSectors, grid);
  const counts = new Uint32Array(Math.ceil(mainSectors / size));
  for (const sector of sectors) {
    const cell = Math.floor(sector / size);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return { perRow: grid.perRow, size, counts };
}
