import { createHash } from 'node:crypto';
import type { ProblemId } from '../../check/catalogue/index.js';
import type { FileDevice } from '../../device/file-device.js';
import { readInput } from '../../device/input-file.js';
import { writeOutputFile } from '../../device/output-file.js';
import type { Medium } from '../../device/same-medium.js';
import { DmremapError } from '../../errors.js';
import {
  type Digest,
  MOST_PLAN,
  type PlanDocument,
  planText,
  readPlan,
} from '../../exchange/plan-document.js';
import { type Header, hasExtension, isRedundant, ZERO_UUID } from '../../format/header.js';
import type { Start } from '../../repair/starts.js';
import { loadCopies } from '../../store/load.js';
import type { Phase, Write } from '../../store/phase.js';
import { type Diagnosis, problemsOf } from '../diagnose.js';
import type { Draft } from './draft.js';
import { fingerprint } from './fingerprint.js';

/** A draft bound to what it was made from: all copies of the metadata, and whatever it overwrites. */
export async function planOf(
  device: FileDevice,
  found: Diagnosis,
  start: Start,
  draft: Draft,
  warnings: readonly string[],
): Promise<PlanDocument> {
  const {
    choice: { chosen },
    module,
  } = found.survey;
  const { phases, result, dropped } = draft;
  const { header, block } = result;
  return {
    size: device.size,
    saw: await fingerprint(device, found.survey.copies, phases),
    phases,
    before: beforeOf(found),
    after: phrase(header),
    warnings,
    generation: (chosen ?? module)?.header.generation ?? 0,
    setUuid: known(header, 'set_uuid'),
    spareUuid: known(header, 'spare_uuid'),
    singleCopy: start.certainty !== 'certain' || !isRedundant(header),
    corrects: correctedBy(found, draft),
    header: block,
    dropped: dropped.bytes,
  };
}

/**
 * What is wrong now, or shows once the first is corrected, and will not be wrong then. Copies that the repair
 * itself has put out of the way are no problem that anybody had.
 */
function correctedBy(found: Diagnosis, { corrected, remaining }: Draft): ProblemId[] {
  const left = new Set(remaining.map(({ id }) => id));
  const shown =
    found.survey.choice.chosen === undefined ? corrected.filter(({ copy }) => copy === undefined) : corrected;
  const gone = [...problemsOf(found), ...shown].map(({ id }) => id).filter((id) => !left.has(id));
  return [...new Set(gone)];
}

function beforeOf({ survey: { choice, module } }: Diagnosis): string {
  if (module !== undefined) return `a spare of the kernel module, ${module.header.entry_count} entries`;
  return choice.chosen === undefined ? 'metadata of which no copy counts' : phrase(choice.chosen.header);
}

function phrase(header: Header): string {
  const layout = isRedundant(header) ? 'redundant' : 'plain';
  return `a ${layout} set, ${header.entry_count} of ${header.max_entries} remaps, generation ${header.generation}`;
}

function known(header: Header, field: 'set_uuid' | 'spare_uuid'): string | undefined {
  return hasExtension(header) && header[field] !== ZERO_UUID ? header[field] : undefined;
}

const sha256: Digest = (text) => createHash('sha256').update(text).digest('hex');

/**
 * Writes a plan to a file.
 *
 * @param never what the file must not be: spare and main
 * @throws DmremapError as writeOutputFile; `usage` where the tables are too large for a plan
 */
export async function savePlan(
  plan: PlanDocument,
  { path, overwrite }: { readonly path: string; readonly overwrite: boolean },
  never: readonly Medium[],
): Promise<void> {
  const length = writesOf(plan.phases).reduce((sum, write) => sum + write.bytes.length, plan.dropped.length);
  // base64 takes four bytes for three
  if (length > MOST_PLAN / 2)
    throw new DmremapError('usage', `a plan that writes ${length} bytes is too large for a file`, {
      hint: 'repair at once: without --plan',
    });
  await writeOutputFile(path, { overwrite, never }, (sink) => sink.write(planText(plan, sha256)));
}

/**
 * @param file `-` is standard input
 * @throws DmremapError `usage` where it is no whole plan; as readInput
 */
export async function loadPlan(file: string): Promise<PlanDocument> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of readInput(file)) {
    pieces.push(piece);
    length += piece.length;
    if (length > MOST_PLAN) throw new DmremapError('usage', `${file} is larger than any repair plan`);
  }
  return readPlan(Buffer.concat(pieces).toString('utf8'), sha256);
}

/** Everything that the phases write, also where one of them fails. */
function writesOf(phases: readonly Phase[]): readonly Write[] {
  return phases.flatMap(({ writes, ifFails }) => [
    ...writes,
    ...[ifFails?.unwrite ?? [], ifFails?.secure ?? [], ifFails?.tidy ?? []].flatMap(writesOf),
  ]);
}

/**
 * Whether a device still holds what a plan saw.
 *
 * @throws DmremapError `changed-since`; `wrong-device` where it has another size, or larger blocks than the one
 * that the plan was made for
 */
export async function refuseChanged(device: FileDevice, { size, saw, phases }: PlanDocument): Promise<void> {
  if (device.size !== size)
    throw new DmremapError(
      'wrong-device',
      `the plan was made for a device of ${size} bytes, ${device.path} has ${device.size}`,
    );
  const block = device.logicalBlockSize;
  const fits = ({ at, bytes: { length } }: Write) =>
    at % block === 0 && length % block === 0 && at + length <= size;
  if (!writesOf(phases).every(fits))
    throw new DmremapError(
      'wrong-device',
      `the plan was made for another device: it does not write whole blocks of ${device.path} (${block} bytes)`,
    );
  if ((await fingerprint(device, await loadCopies(device), phases)) === saw) return;
  throw new DmremapError('changed-since', `${device.path} no longer holds what the plan was made for`, {
    hint: `make a new plan: dmremap repair ${device.path} --plan FILE`,
  });
}
