import { judge } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import { type Header, isRedundant, ZERO_UUID } from '../format/header.js';
import { planCorrections } from '../repair/corrections.js';
import { newestBeyond } from '../store/beyond.js';
import { contentOf } from '../store/content.js';
import { type CarryOutOptions, carryOut, type Phase } from '../store/phase.js';
import { bytes } from '../units.js';
import type { CheckOptions, CheckReport, Examined } from './check-report.js';
import { ROUNDS } from './correct-overlay.js';
import { type Diagnosis, diagnose } from './diagnose.js';
import { diagnoseFully, type FullDiagnosis } from './full-diagnosis.js';
import { withDevice } from './open-device.js';

/** The writing half of check (cli.md, "Checking"). */

/** Everything is read again under the lock: what was seen before may have been another writer's doing. */
export async function correct(
  examined: Examined,
  device: FileDevice,
  options: CheckOptions,
): Promise<CheckReport> {
  const found = await diagnoseFully(device, options);
  options.signal?.throwIfAborted();
  const { uninterrupted = (work) => work() } = options;
  return uninterrupted(() => correctRounds({ ...examined, found }, device, found, options));
}

async function correctRounds(
  examined: Examined,
  device: FileDevice,
  found: FullDiagnosis,
  options: CheckOptions,
): Promise<CheckReport> {
  let now = found;
  const corrected: Problem[] = [];
  const done: string[] = [];
  // what a change cut short had overwritten may have problems of its own once it is put back
  for (let round = 0; round < ROUNDS; round++) {
    const { correctable } = judge(now.problems, options.mode);
    if (correctable.length === 0) break;
    done.push(...(await write(device, now, correctable, options, round > 0)));
    corrected.push(...correctable);
    // what verifies must come from the medium and not from what memory remembers of the write
    await device.invalidate(bytes(0), device.size);
    now = await diagnoseFully(device, options);
  }
  const { remaining, exitCode } = judge(now.problems, 'read');
  return {
    ...examined,
    now,
    corrected,
    done,
    remaining,
    exitCode: corrected.length > 0 ? 1 | exitCode : exitCode,
  };
}

/**
 * Writes what corrects these problems; says what was done.
 *
 * @param again something was corrected before
 */
async function write(
  device: FileDevice,
  diagnosis: FullDiagnosis,
  problems: readonly Problem[],
  options: CheckOptions,
  again: boolean,
): Promise<readonly string[]> {
  if (diagnosis.cutShort !== undefined) {
    const { takeBack } = await import('./cut-short.js');
    return takeBack(device, diagnosis.cutShort);
  }
  const partOf = { before: again, behind: false };
  if (diagnosis.proven !== undefined) {
    const { phases, candidate } = diagnosis.proven;
    return carryOutSaved(device, phases, candidate.content.header, { ...options, partOf });
  }
  const { survey } = diagnosis;
  const plan = planCorrections({
    survey,
    problems,
    now: options.now,
    logicalBlockSize: device.logicalBlockSize,
    beyond: await generationsBeyond(device, diagnosis, problems, options),
  });
  const { phases } = plan;
  if (plan.needsUndo)
    return carryOutSaved(device, phases, survey.choice.chosen?.header, { ...options, partOf });
  await carryOut(device, phases, { partOf });
  return phases.map(({ purpose }) => purpose);
}

/** What lies beyond the known size and is not this move's own may be another move's, with its generation. */
async function generationsBeyond(
  device: FileDevice,
  { survey: { choice, table } }: FullDiagnosis,
  problems: readonly Problem[],
  { progress }: CheckOptions,
): Promise<number | undefined> {
  if (!problems.some(({ id }) => id === 'device-grown-occupied')) return undefined;
  if (choice.chosen === undefined || table === undefined) return undefined;
  return newestBeyond(device, contentOf(choice.chosen.block, table), progress);
}

/**
 * A change under an undo file that a power cut ended, and after which a copy is valid, needs no undoing. Looked
 * at again under the lock: the change may be another program's that goes on at this moment. In a redundant set
 * such a change has left the other copy damaged.
 */
export async function letChangesStand(
  path: string,
  { survey, problems }: Diagnosis,
  { undo }: CheckOptions,
): Promise<void> {
  const { chosen } = survey.choice;
  if (chosen === undefined && survey.module?.standing !== 'accepted') return;
  if (chosen !== undefined && isRedundant(chosen.header) && problems.length === 0) return;
  const { findCutShort, letStand } = await import('./cut-short.js');
  if ((await withDevice(path, 'read', (device) => findCutShort(device, survey, undo))) === undefined) return;
  try {
    await withDevice(path, 'exclusive', async (locked) => {
      const cutShort = await findCutShort(locked, (await diagnose(locked)).survey, undo);
      if (cutShort !== undefined) await letStand(cutShort);
    });
  } catch (error) {
    if (!(error instanceof DmremapError) || error.code !== 'busy') throw error;
  }
}

/**
 * Writes what overwrites the only valid copy, or copies of which none is: a power cut could tear that, so what
 * is overwritten is saved first. Says what was done.
 *
 * @param header of the set, where it is known
 */
async function carryOutSaved(
  device: FileDevice,
  phases: readonly Phase[],
  header: Header | undefined,
  { now, undo, partOf }: CheckOptions & Pick<CarryOutOptions, 'partOf'>,
): Promise<readonly string[]> {
  const [{ carryOutWithUndo }, { identify }, { attachedMains }] = await Promise.all([
    import('./undo-files.js'),
    import('../device/identity.js'),
    import('./main-device.js'),
  ]);
  const avoid = header === undefined ? [] : await attachedMains(header);
  const { path } = await carryOutWithUndo(device, phases, {
    command: 'check',
    now,
    place: { ...undo, avoid },
    identity: await identify(device),
    spareUuid: header?.spare_uuid === ZERO_UUID ? undefined : header?.spare_uuid,
    setUuid: header?.set_uuid === ZERO_UUID ? undefined : header?.set_uuid,
    generation: header?.generation ?? 0,
    partOf,
  });
  const purposes = phases.map(({ purpose }) => purpose);
  return path === undefined ? purposes : [`save what is overwritten in ${path}`, ...purposes];
}
