import { type Choice, isEvidence } from '../../store/choose.js';
import type { Copy } from '../../store/copy.js';
import { erase } from '../../store/create.js';
import type { LoadedCopies } from '../../store/load.js';
import type { Phase, Write } from '../../store/phase.js';
import { areasOf, isWithin, partsOf } from './parts.js';

/**
 * Puts another set back in the place of the one that is there, as `create` has replaced it: every header of now
 * is erased first. While no copy is valid a power cut leaves the undo file of this undo to be applied.
 */
export function putBackOtherSet(
  writes: readonly Write[],
  { primary, backups }: LoadedCopies,
  now: Choice,
  chosenThen: Copy,
  logicalBlockSize: number,
): Phase[] {
  const pick = (wanted: (at: number) => boolean) => partsOf(writes, logicalBlockSize, wanted);
  const headers = [primary, ...backups].filter(
    (copy) => isEvidence(copy) && pick((at) => at === copy.headerAt).length > 0,
  );
  const erasures = headers.map(({ headerAt, header }) => ({
    at: headerAt,
    length: logicalBlockSize,
    first: header.generation !== now.chosen?.header.generation,
  }));
  return [...erase(erasures, logicalBlockSize), ...putBackChosenFirst(writes, chosenThen, logicalBlockSize)];
}

/**
 * Puts back a set where no copy is valid: all but the copies, then the one that counts then, then the other one,
 * which may be older. As soon as one is valid a power cut leaves the rest as it is.
 */
export function putBackChosenFirst(
  writes: readonly Write[],
  { name, header }: Copy,
  logicalBlockSize: number,
): Phase[] {
  const pick = (wanted: (at: number) => boolean) => partsOf(writes, logicalBlockSize, wanted);
  const areas = areasOf(header);
  const first = areas[name];
  const second = areas[name === 'primary' ? 'backup' : 'primary'];
  const other = (at: number) => !isWithin(at, first) && isWithin(at, second);
  const phases = [
    {
      purpose: 'put back what lay beside the copies',
      writes: pick((at) => !isWithin(at, first) && !other(at)),
    },
    { purpose: `put back the ${name} copy`, writes: pick((at) => isWithin(at, first)) },
    { purpose: 'put back the other copy', writes: pick(other) },
  ];
  return phases.filter((phase) => phase.writes.length > 0);
}
