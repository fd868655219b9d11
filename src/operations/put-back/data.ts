import type { RemapTable } from '../../format/entry.js';
import type { IfFails, Phase, Write } from '../../store/phase.js';
import { roundDown, SECTOR_SIZE } from '../../units.js';
import { partsOf } from './parts.js';

/**
 * Data sectors that are put back: those that no entry of now names, before the entries change; and those that one
 * names, once it is gone.
 *
 * @param now the entries before they change
 */
export function dataPhases(
  data: readonly Write[],
  now: RemapTable,
  logicalBlockSize: number,
): readonly [Phase, Phase] {
  const named = namedBlocks(data, now, logicalBlockSize);
  return [
    dataPhase(
      partsOf(data, logicalBlockSize, (at) => !named.has(at)),
      'before',
    ),
    dataPhase(
      partsOf(data, logicalBlockSize, (at) => named.has(at)),
      'after',
    ),
  ];
}

/** Of these blocks, the ones in which a live entry has its data, by their first byte. */
function namedBlocks(data: readonly Write[], table: RemapTable, logicalBlockSize: number): Set<number> {
  const blocks = new Set<number>();
  for (const {
    at,
    bytes: { length },
  } of data)
    for (let offset = 0; offset < length; offset += logicalBlockSize) blocks.add(at + offset);
  const named = new Set<number>();
  if (blocks.size === 0) return named;
  for (const slot of table.live()) {
    const block = roundDown(table.spareSector(slot) * SECTOR_SIZE, logicalBlockSize);
    if (blocks.has(block)) named.add(block);
  }
  return named;
}

function dataPhase(writes: readonly Write[], stands: 'before' | 'after'): Phase {
  const ifFails: IfFails = { copy: undefined, secure: [], tidy: [], stands };
  return { purpose: 'put back data sectors', writes, ifFails };
}
