import type { ProblemId } from '../../check/catalogue/index.js';
import { judge } from '../../check/checker.js';
import type { FileDevice } from '../../device/file-device.js';
import { DmremapError } from '../../errors.js';
import { isNewer } from '../../format/generation.js';
import { type Header, hasExtension, ROLE, ZERO_UUID } from '../../format/header.js';
import type { Member } from '../../migrate/pairs.js';
import { type Content, contentOf } from '../../store/content.js';
import type { LoadedChoice } from '../../store/load-choice.js';
import { diagnose } from '../diagnose.js';
import { refuseModule } from '../module-take-over.js';
import { anyOccupant, type Occupant } from '../occupant.js';
import { readable, refuseUnknown } from '../spare.js';

/** A spare of the set that is moved, as it was found under its lock. */
export interface FoundSpare {
  readonly member: Member;
  /** Undefined for a target of which no copy is whole. */
  readonly content: Content | undefined;
}

/** A source, which has a content. */
export interface FoundSource extends FoundSpare {
  readonly content: Content;
  /** What it was made of, for a writer that is opened before anything is written. */
  readonly loaded: LoadedChoice;
}

/** Problems that opening the set for a change corrects, or that the change itself does away with. */
const CORRECTED_ON_THE_WAY: readonly ProblemId[] = [
  'state-dirty',
  'slot-empty',
  'copy-damaged',
  'copy-stale',
  'copy-table-unreadable',
];

/**
 * The spare that a set is moved from. Reads only.
 *
 * @throws DmremapError `not-dmremap3`, `unsupported`, `changed-since` where `check` has to come first
 */
export async function lookAtSource(device: FileDevice): Promise<FoundSource> {
  const diagnosis = await diagnose(device);
  refuseUnknown(device.name, diagnosis.problems);
  const { module } = diagnosis.survey;
  if (module !== undefined) throw refuseModule(device, diagnosis, module);
  const spare = readable(diagnosis);
  const { remaining, correctable } = judge(diagnosis.problems, 'preen');
  const isPassive = spare !== undefined && spare.chosen.header.role !== ROLE.active;
  const [first] = [
    ...remaining.filter(({ id }) => id !== 'role-target' || !isPassive),
    ...correctable,
  ].filter(({ id }) => !CORRECTED_ON_THE_WAY.includes(id));
  if (spare !== undefined && first === undefined)
    return {
      member: memberOf(device.path, spare.chosen.header),
      content: contentOf(spare.chosen.block, spare.table),
      loaded: diagnosis.survey,
    };
  const what = first === undefined ? 'no copy of its metadata counts' : first.row.title.toLowerCase();
  const hint = first !== undefined && first.row.fix === 'unattended' ? 'correct it' : 'look at it';
  throw new DmremapError('changed-since', `${device.path}: ${what}; that has to be settled first`, {
    hint: `${hint}: dmremap check ${hint === 'correct it' ? '-p ' : ''}${device.path}`,
    data: first === undefined ? {} : { problem: first.id },
  });
}

/** What is on the device that a set is to be moved to. */
export interface FoundTarget {
  /** Undefined where it holds nothing of the source's set. */
  readonly spare: FoundSpare | undefined;
  readonly occupant: Occupant;
  /** The newest generation that a header on it claims. */
  readonly newest: number | undefined;
}

/** Reads only. @throws DmremapError `unsupported` */
export async function lookAtTarget(device: FileDevice, source: Header): Promise<FoundTarget> {
  const occupant = await anyOccupant(device);
  const newest = occupant.headers
    .map(({ header }) => header.generation)
    .reduce<number | undefined>(
      (best, one) => (best === undefined || isNewer(one, best) ? one : best),
      undefined,
    );
  return { occupant, newest, spare: await spareOfSet(device, occupant, source) };
}

async function spareOfSet(
  device: FileDevice,
  { headers }: Occupant,
  source: Header,
): Promise<FoundSpare | undefined> {
  if (!hasExtension(source) || source.set_uuid === ZERO_UUID) return undefined;
  if (!headers.some(({ header }) => isOfSet(header, source))) return undefined;
  const diagnosis = await diagnose(device);
  refuseUnknown(device.name, diagnosis.problems);
  const spare = readable(diagnosis);
  if (spare !== undefined) {
    const { header } = spare.chosen;
    if (!isOfSet(header, source)) return undefined;
    return {
      member: memberOf(device.path, header),
      content: contentOf(spare.chosen.block, spare.table),
    };
  }
  // the power failed while it was made, or taken away
  const torn = headers.every(
    ({ header }) =>
      isOfSet(header, source) && header.role === ROLE.target && header.peer_uuid === source.spare_uuid,
  );
  const [copy] = headers;
  if (!torn || copy === undefined) return undefined;
  return { member: memberOf(device.path, copy.header), content: undefined };
}

/** Whether a header says that it is of the same set as its source. */
export function isOfSet(header: Header, source: Header): boolean {
  return hasExtension(header) && header.set_uuid === source.set_uuid;
}

export function memberOf(name: string, header: Header): Member {
  const { spare_uuid, peer_uuid, role, generation, peer_generation, migration_cursor, entry_count } = header;
  return { name, spare_uuid, peer_uuid, role, generation, peer_generation, migration_cursor, entry_count };
}
