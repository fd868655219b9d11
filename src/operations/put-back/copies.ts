import type { BlockDevice } from '../../device/block-device.js';
import type { RemapTable } from '../../format/entry.js';
import { generationDistance } from '../../format/generation.js';
import { backupHeaderPlace } from '../../format/geometry.js';
import type { Header } from '../../format/header.js';
import type { Choice } from '../../store/choose.js';
import { eraseHeader } from '../../store/commit.js';
import { placeOf, samePlaces } from '../../store/content.js';
import type { Copy, CopyName } from '../../store/copy.js';
import type { Phase, Write } from '../../store/phase.js';
import { dataPhases } from './data.js';
import { areasOf, isWithin, partsOf } from './parts.js';

/**
 * Puts back the copy that counts then, while the other one still holds what counts now; then the first block of
 * that other one, which is the commit; and then the rest of it. So neither is ever torn beside a copy that is
 * older than it claims, and what is left of either tells where the backup lies. Data sectors come before the copies
 * or behind them.
 *
 * @param device as it is now, of which the copies are whole, equal, and where they lie then
 * @param now what is chosen on the device, `then` what would be with all of it put back
 * @param table the entries of now
 * @returns undefined where that is not so
 */
export async function putBackCopies(
  device: BlockDevice,
  writes: readonly Write[],
  now: Choice,
  then: Choice,
  table: RemapTable,
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
  if (commit.length === 0) return undefined;
  const data = pick((at) => !isWithin(at, areas[first]) && !isWithin(at, areas[second]));
  const [beside, named] = dataPhases(data, table, logicalBlockSize);
  const block = { at: headerAt, bytes: new Uint8Array(logicalBlockSize) };
  await device.read(headerAt, block.bytes);
  const keep: Phase = { purpose: `write the ${second} header again`, writes: [block] };
  const phases: Phase[] = [
    beside,
    ...putBackFirst(device, pick, header, then.chosen),
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
    named,
  ];
  return phases.filter((phase) => phase.writes.length > 0);
}

/**
 * The copy that counts then. A torn one that claims to be newer by more than a commit would wait for the operator: its
 * header goes first, then, and comes back last.
 */
function putBackFirst(
  device: BlockDevice,
  pick: (wanted: (at: number) => boolean) => Write[],
  now: Header,
  then: Copy,
): Phase[] {
  const { name } = then;
  const { headerAt } = placeOf(now, name);
  const area = areasOf(now)[name];
  const ifFails = {
    copy: name,
    secure: [],
    tidy: [],
    stands: 'before',
    generation: now.generation,
  } as const;
  const whole = { purpose: `put back the ${name} copy`, writes: pick((at) => isWithin(at, area)), ifFails };
  if (generationDistance(now.generation, then.header.generation) <= 1 || !isFound(device, now, name))
    return [whole];
  const rest = pick((at) => isWithin(at, area) && at !== headerAt);
  return [
    { ...eraseHeader(headerAt, device.logicalBlockSize, `the ${name} header`), ifFails },
    { ...whole, writes: rest },
    { purpose: `put back the ${name} header`, writes: pick((at) => at === headerAt), ifFails },
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
