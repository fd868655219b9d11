import { ENTRY_SIZE, RemapTable } from '../../format/entry.js';
import type { Difference } from './piece.js';

/** With more differing blocks than this, what they hold is not compared with the rest: it would take too long. */
const MOST_BLOCKS = 512;

/**
 * The sectors of the entries in which two tables agree: no entry of a differing block can have one of them,
 * too. Only those that some differing block asks for are kept.
 */
export class CertainSectors {
  readonly #taken = { main: new Set<number>(), spare: new Set<number>() };

  /** @param table one of the two; the differing blocks of it are passed over */
  constructor(table: Uint8Array, differing: readonly Difference[], unit: number) {
    if (differing.length > MOST_BLOCKS) return;
    const asked = { main: new Set<number>(), spare: new Set<number>() };
    for (const { versions } of differing)
      for (const version of versions) {
        const entries = new RemapTable(version);
        for (const index of entries.live()) {
          asked.main.add(entries.mainSector(index));
          asked.spare.add(entries.spareSector(index));
        }
      }
    const blocks = new Set<number>(differing.map(({ at }) => at));
    const entries = new RemapTable(table);
    const perBlock = unit / ENTRY_SIZE;
    for (let block = 0; block * unit < table.length; block++) {
      if (blocks.has(block * unit)) continue;
      for (let index = block * perBlock; index < Math.min(entries.count, (block + 1) * perBlock); index++) {
        const [main, spare] = [entries.mainSector(index), entries.spareSector(index)];
        if (asked.main.has(main)) this.#taken.main.add(main);
        if (asked.spare.has(spare) && !entries.isEmpty(index)) this.#taken.spare.add(spare);
      }
    }
  }

  /** Whether one of these entries has a sector that is taken for certain. */
  clashWith(version: Uint8Array): boolean {
    const entries = new RemapTable(version);
    for (const index of entries.live())
      if (
        this.#taken.main.has(entries.mainSector(index)) ||
        this.#taken.spare.has(entries.spareSector(index))
      )
        return true;
    return false;
  }
}
