import { type Choice, isEvidence } from '../../store/choose.js';
import type { Copy } from '../../store/copy.js';
import { erase } from '../../store/create.js';
import type { LoadedCopies } from '../../store/load.js';
import type { Phase, Write } from '../../store/phase.js';
import { areasOf, isWithin, partsOf } from './parts.js';

/**
 * Puts another set back in the place of the one that is there, as `create` has replaced it: every header of now
 * is erased, then all but the copies is put back, then the copy that counts, then the other one. While none is
 * valid a power cut leaves the undo file of this undo to be applied.
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
  const areas = areasOf(chosenThen.header);
  const first = areas[chosenThen.name];
  const second = areas[chosenThen.name === 'primary' ? 'backup' : 'primary'];
  const other = (at: number) => !isWithin(at, first) && isWithin(at, second);
  const phases = [
    ...erase(erasures, logicalBlockSize),
    {
      purpose: 'put back what lay beside the copies',
      writes: pick((at) => !isWithin(at, first) && !other(at)),
    },
    { purpose: `put back the ${chosenThen.name} copy`, writes: pick((at) => isWithin(at, first)) },
    { purpose: 'put back the other copy', writes: pick(other) },
  ];
  return phases.filter((phase) => phase.writes.length > 0);
}
