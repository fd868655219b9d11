import { judge, type Mode } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { MainFacts } from '../check/survey.js';
import type { FileDevice } from '../device/file-device.js';
import { ZERO_UUID } from '../format/header.js';
import { planCorrections } from '../repair/corrections.js';
import { carryOut, type Phase } from '../store/phase.js';
import { bytes } from '../units.js';
import { type Diagnosis, diagnose, holderOf } from './diagnose.js';
import { withDevice } from './open-device.js';
import type { SurveyOptions } from './survey.js';

export interface CheckOptions {
  readonly mode: Mode;
  readonly main?: MainFacts | undefined;
  /** Read every live spare sector. */
  readonly media?: boolean | undefined;
  /** The time of a commit, in Unix seconds. */
  readonly now: bigint;
  /** Raised where the check is to stop before it writes; a correction that has begun is finished. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: SurveyOptions['progress'] | undefined;
}

export interface CheckReport {
  readonly device: string;
  /** As found, before any correction. */
  readonly found: Diagnosis;
  /** As it is now: the same where nothing was corrected. */
  readonly now: Diagnosis;
  /** Problems that were corrected, and what was written for them. */
  readonly corrected: readonly Problem[];
  readonly done: readonly string[];
  /** Problems that are there now. */
  readonly remaining: readonly Problem[];
  readonly exitCode: number;
}

/**
 * Checks one spare and, in the modes preen and yes, corrects all that the mode allows or nothing (cli.md).
 * Nothing is opened for writing before the reading has shown that there is something to correct.
 */
export async function checkSpare(path: string, options: CheckOptions): Promise<CheckReport> {
  const found = await withDevice(path, 'read', (device) =>
    diagnose(device, { ...options, holder: holderOf(device) }),
  );
  const verdict = judge(found.problems, options.mode);
  if (verdict.correctable.length === 0)
    return {
      device: path,
      found,
      now: found,
      corrected: [],
      done: [],
      remaining: verdict.remaining,
      exitCode: verdict.exitCode,
    };
  options.signal?.throwIfAborted();
  return withDevice(path, 'exclusive', (device) => correct(path, device, options));
}

/** Everything is read again under the lock: what was seen before may have been another writer's doing. */
async function correct(name: string, device: FileDevice, options: CheckOptions): Promise<CheckReport> {
  const found = await diagnose(device, options);
  const { correctable, remaining, exitCode } = judge(found.problems, options.mode);
  const report = { device: name, found };
  if (correctable.length === 0)
    return { ...report, now: found, corrected: [], done: [], remaining, exitCode };
  const plan = planCorrections({
    survey: found.survey,
    problems: correctable,
    now: options.now,
    logicalBlockSize: device.logicalBlockSize,
  });
  const undoFile = plan.needsUndo ? await carryOutSaved(device, plan.phases, found, options.now) : undefined;
  if (!plan.needsUndo) await carryOut(device, plan.phases);
  // what verifies must come from the medium and not from what memory remembers of the write
  await device.invalidate(bytes(0), device.size);
  const now = await diagnose(device, options);
  const after = judge(now.problems, 'read');
  return {
    ...report,
    now,
    corrected: correctable,
    done: [
      ...(undoFile === undefined ? [] : [`saved what was overwritten in ${undoFile}`]),
      ...plan.phases.map(({ purpose }) => purpose),
    ],
    remaining: after.remaining,
    exitCode: 1 | after.exitCode,
  };
}

/** A plain image has one copy, which a power cut could tear: what is overwritten is saved first. */
async function carryOutSaved(
  device: FileDevice,
  phases: readonly Phase[],
  { survey }: Diagnosis,
  now: bigint,
): Promise<string | undefined> {
  const [{ carryOutWithUndo }, { identify }] = await Promise.all([
    import('./undo-files.js'),
    import('../device/identity.js'),
  ]);
  const header = survey.choice.chosen?.header;
  const { path } = await carryOutWithUndo(device, phases, {
    command: 'check',
    now,
    place: {},
    identity: await identify(device),
    spareUuid: header?.spare_uuid === ZERO_UUID ? undefined : header?.spare_uuid,
    setUuid: header?.set_uuid === ZERO_UUID ? undefined : header?.set_uuid,
    generation: header?.generation ?? 0,
  });
  return path;
}
