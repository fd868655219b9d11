import { check, judge } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import { acceptedModule } from '../check/rules/module.js';
import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { hasExtension, ROLE } from '../format/header.js';
import type { Choice } from '../store/choose.js';
import type { Copy } from '../store/copy.js';
import { type Diagnosis, diagnose, holderOf } from './diagnose.js';
import { withDevice } from './open-device.js';
import { surveySpare } from './survey.js';

/** A spare whose metadata can be read: one copy is valid and chosen. */
export interface ReadableSpare {
  readonly diagnosis: Diagnosis;
  readonly chosen: Copy;
  readonly table: RemapTable;
}

/** Reads and judges a spare without a lock and without a write. */
export function diagnoseSpare(path: string): Promise<Diagnosis> {
  return withDevice(path, 'read', (device) =>
    diagnose(device, { holder: holderOf(device), skipBeyond: true }),
  );
}

/** The chosen copy with its entries; undefined where no copy is valid, which exits 4. */
export function readable(diagnosis: Diagnosis): ReadableSpare | undefined {
  const { choice, table } = diagnosis.survey;
  return choice.chosen === undefined || table === undefined
    ? undefined
    : { diagnosis, chosen: choice.chosen, table };
}

/** The same for those who only read: what the kernel module reads is read as a plain set's. */
export function legible(diagnosis: Diagnosis): ReadableSpare | undefined {
  const module = acceptedModule(diagnosis.survey);
  if (module === undefined) return readable(diagnosis);
  return { diagnosis, chosen: module.copy, table: module.content.table };
}

/**
 * What makes the entries of a legible spare doubtful: all that preen does not correct. What is said of the kernel
 * module's layout does not touch entries that are certain.
 */
export function doubts({ survey, problems }: Diagnosis): readonly Problem[] {
  const { correctable, remaining } = judge(problems, 'preen');
  if (correctable.length > 0) return [];
  return survey.module === undefined ? remaining : remaining.filter(({ id }) => !id.startsWith('module-'));
}

/** Throws `unsupported` where a version, feature or role is not known: nothing but `info` works then. */
export function refuseUnknown(device: string, problems: readonly Problem[]): void {
  const refusal = refusalOf(device, problems);
  if (refusal !== undefined) throw refusal;
}

/** The error that a version, feature or role amounts to that this program does not know. */
export function refusalOf(device: string, problems: readonly Problem[]): DmremapError | undefined {
  const refusal = problems.find(({ row }) => row.severity === 'refusal');
  if (refusal === undefined) return undefined;
  return new DmremapError('unsupported', `${device}: ${refusal.row.title.toLowerCase()}`, {
    hint: refusal.row.corrects,
    data: { problem: refusal.id },
  });
}

/**
 * The same for commands that have looked at the headers alone. Reads more only where they hint at it: what a
 * live entry holds is data, whatever it looks like.
 */
export async function refuseUnknownSet(device: BlockDevice, { chosen, unsupported }: Choice): Promise<void> {
  const role = chosen !== undefined && hasExtension(chosen.header) ? chosen.header.role : ROLE.active;
  if (unsupported.length === 0 && role <= ROLE.retired) return;
  refuseUnknown(device.name, check(await surveySpare(device, { skipBeyond: true })));
}

/** Throws `retired` or `incomplete` where another spare of the set is to be used instead, and names it. */
export function refusePassive(device: string, { chosen }: Pick<ReadableSpare, 'chosen'>): void {
  const { header } = chosen;
  if (!hasExtension(header)) return;
  const data = { set_uuid: header.set_uuid, peer_uuid: header.peer_uuid };
  const peer = `SPARE=${header.peer_uuid}`;
  if (header.role === ROLE.retired)
    throw new DmremapError('retired', `${device} is retired: its set moved to spare ${header.peer_uuid}`, {
      hint: `use ${peer} in its place; to move the set back here: dmremap migrate ${device} ${peer} --rollback`,
      data,
    });
  if (header.role === ROLE.target)
    throw new DmremapError(
      'incomplete',
      `${device} is the target of a migration from spare ${header.peer_uuid} that has not ended`,
      {
        hint:
          `use ${peer} in its place; to go on: dmremap migrate ${peer} ${device} --resume; ` +
          `to end it: dmremap migrate ${peer} ${device} --rollback`,
        data,
      },
    );
}
