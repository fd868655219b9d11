import type { RemapTable } from '../../format/entry.js';

/** Odd, with well spread bits: multiplying by it spreads neighbouring sectors over the slots. */
const SPREAD = 0x9e3779b1;

/**
 * The indices of live entries whose main (or spare) sector another live entry has too, each once, ascending.
 * Open addressing over entry numbers: 8 bytes of memory an entry at most, whatever the sectors are.
 */
export function duplicateIndices(table: RemapTable, side: 'main' | 'spare'): number[] {
  const bits = Math.max(4, Math.ceil(Math.log2(table.count * 2 + 1)));
  const slots = new Uint32Array(2 ** bits);
  const mask = slots.length - 1;
  const sectorOf =
    side === 'main'
      ? (index: number) => table.mainSector(index)
      : (index: number) => table.spareSector(index);
  const duplicates = new Set<number>();
  for (let index = 0; index < table.count; index++) {
    if (table.isEmpty(index)) continue;
    const sector = sectorOf(index);
    const low = sector % 2 ** 32;
    const mixed = Math.imul(low ^ Math.imul((sector - low) / 2 ** 32, 0x85ebca6b), SPREAD);
    for (let slot = mixed >>> (32 - bits); ; slot = (slot + 1) & mask) {
      const holder = slots[slot] ?? 0;
      if (holder === 0) {
        slots[slot] = index + 1;
        break;
      }
      if (sectorOf(holder - 1) === sector) {
        duplicates.add(holder - 1).add(index);
        break;
      }
    }
  }
  return [...duplicates].sort((a, b) => a - b);
}
