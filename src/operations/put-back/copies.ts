import type { BlockDevice } from '../../device/block-device.js';
import { backupHeaderPlace } from '../../format/geometry.js';
import type { Header } from '../../format/header.js';
import type { Choice } from '../../store/choose.js';
import { eraseHeader } from '../../store/commit.js';
import { placeOf, samePlaces } from '../../store/content.js';
import type { CopyName } from '../../store/copy.js';
import type { Phase, Write } from '../../store/phase.js';
import { areasOf, isWithin, partsOf } from './parts.js';

/**
 * Puts back the copy that counts then, while the other one still holds what counts now; then the first block of
 * that other one, which is the commit; and then the rest of it. So neither is ever torn beside a copy that is
 * older than it claims, and what is left of either tells where the backup lies.
 *
 * @param device as it is now, of which the copies are whole, equal, and where they lie then
 * @param now what is chosen on the device, `then` what would be with all of it put back
 * @returns undefined where that is not so, or where more than the copies is put back
 */
export async function putBackCopies(
  device: BlockDevice,
  writes: readonly Write[],
  now: Choice,
  then: Choice,
): Promise<Phase[] | undefined> {
  if (!isWhole(now) || now.chosen === undefined || then.chosen === undefined) return undefined;
  const { header } = now.chosen;
  if (!samePlaces(header, then.chosen.header)) return undefined;
  const { logicalBlockSize } = device;
  const areas = areasOf(header);
  const pick = (wanted: (at: number) => boolean) => partsOf(writes, logicalBlockSize, wanted);
  const first = then.chosen.name;
  const second = first === 'primary' ? 'backup' : 'primary';
  const { headerAt } = placeOf(header, second);
  const commit = pick((at) => at === headerAt);
  if (
    commit.length === 0 ||
    pick((at) => !isWithin(at, areas[first]) && !isWithin(at, areas[second])).length > 0
  )
    return undefined;
  const block = { at: headerAt, bytes: new Uint8Array(logicalBlockSize) };
  await device.read(headerAt, block.bytes);
  const keep: Phase = { purpose: `write the ${second} header again`, writes: [block] };
  const { generation } = header;
  return [
    {
      purpose: `put back the ${first} copy`,
      writes: pick((at) => isWithin(at, areas[first])),
      ifFails: { copy: first, secure: [], tidy: [], stands: 'before', generation },
    },
    {
      purpose: `put back the ${second} header`,
      writes: commit,
      ifFails: { copy: undefined, secure: [keep], tidy: [], stands: 'before' },
    },
    {
      purpose: `put back the rest of the ${second} copy`,
      writes: pick((at) => isWithin(at, areas[second]) && at !== headerAt),
      ifFails: {
        copy: second,
        secure: [],
        tidy: isFound(device, header, second)
          ? [eraseHeader(headerAt, logicalBlockSize, `the ${second} header`)]
          : [],
        stands: 'after',
      },
    },
  ];
}

/** Whether the copy beside this one is found without it: at an end of the device. */
function isFound(device: BlockDevice, header: Header, beside: CopyName): boolean {
  return beside === 'backup' || placeOf(header, 'backup').headerAt === backupHeaderPlace(device.size);
}

/** Redundant, and both copies hold the same. */
export function isWhole({ chosen, others }: Choice): boolean {
  return chosen !== undefined && others.length > 0 && others.every(({ standing }) => standing === 'equal');
}
