import type { BlockDevice } from '../device/block-device.js';
import { TABLE_START, tableArea } from '../format/geometry.js';
import { type Header, isRedundant } from '../format/header.js';
import type { Choice } from '../store/choose.js';
import { backupArea, eraseHeader } from '../store/commit.js';
import { placeOf, samePlaces } from '../store/content.js';
import type { CopyName } from '../store/copy.js';
import type { Phase, Write } from '../store/phase.js';
import { type Bytes, bytes } from '../units.js';

/** How the bytes of an undo file are put back so that a power cut leaves all of them or none. */

/**
 * Puts back the copy that counts then, while the other one still holds what counts now; erases the first block
 * of that other one, which is the commit; and puts it back as well. So neither is ever torn beside a copy that
 * is older than it claims.
 *
 * @param inReverse what is put back, in the order of putBackPhases
 * @param now what is chosen on the device, `then` what would be with all of it put back
 * @returns undefined where the copies are not whole and equal now, lie elsewhere then, or more than the copies
 * is put back: the states of the change itself are gone through in reverse order there
 */
export async function putBackCopies(
  device: BlockDevice,
  inReverse: readonly Phase[],
  now: Choice,
  then: Choice,
): Promise<Phase[] | undefined> {
  if (now.chosen === undefined || then.chosen === undefined) return undefined;
  if (now.others.length === 0 || now.others.some(({ standing }) => standing !== 'equal')) return undefined;
  if (!isRedundant(then.chosen.header) || !samePlaces(now.chosen.header, then.chosen.header))
    return undefined;
  const writes = inReverse.flatMap((phase) => phase.writes);
  const areas = areasOf(now.chosen.header);
  const within = (copy: CopyName) => writes.filter((write) => isWithin(write, areas[copy]));
  const first = then.chosen.name;
  const second = first === 'primary' ? 'backup' : 'primary';
  if (within(first).length + within(second).length < writes.length) return undefined;
  const { headerAt } = placeOf(now.chosen.header, second);
  const block = { at: headerAt, bytes: new Uint8Array(device.logicalBlockSize) };
  if (
    !within(second).some((write) =>
      isWithin(block, { from: write.at, to: bytes(write.at + write.bytes.length) }),
    )
  )
    return undefined;
  await device.read(headerAt, block.bytes);
  const keep: Phase = { purpose: `write the ${second} header again`, writes: [block] };
  const { generation } = now.chosen.header;
  return [
    {
      purpose: `put back the ${first} copy`,
      writes: within(first),
      ifFails: { copy: first, secure: [], tidy: [], stands: 'before', generation },
    },
    {
      ...eraseHeader(headerAt, device.logicalBlockSize, `the ${second} header`),
      ifFails: { copy: undefined, secure: [keep], tidy: [], stands: 'before' },
    },
    {
      purpose: `put back the ${second} copy`,
      writes: within(second),
      ifFails: {
        copy: second,
        secure: [],
        tidy: [eraseHeader(headerAt, device.logicalBlockSize, `the ${second} header`)],
        stands: 'after',
      },
    },
  ];
}

interface Area {
  readonly from: Bytes;
  readonly to: Bytes;
}

function areasOf(header: Header): Record<CopyName, Area> {
  const primary = { from: bytes(0), to: bytes(TABLE_START + tableArea(header.max_entries)) };
  return { primary, backup: backupArea(header) };
}

function isWithin({ at, bytes: { length } }: Write, { from, to }: Area): boolean {
  return at >= from && at + length <= to;
}
