import { judge, type Mode, withRow } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import { type Header, isRedundant, ZERO_UUID } from '../format/header.js';
import { planCorrections } from '../repair/corrections.js';
import { newestBeyond } from '../store/beyond.js';
import { contentOf } from '../store/content.js';
import { carryOut, type Phase } from '../store/phase.js';
import { bytes } from '../units.js';
import type { CutShort } from './cut-short.js';
import { type Diagnosis, diagnose, holderOf } from './diagnose.js';
import { lastingName } from './lasting-name.js';
import type { MainDevice } from './main-device.js';
import { withDevice } from './open-device.js';
import type { ProvenContent } from './proven.js';
import type { SurveyOptions } from './survey.js';
import type { UndoPlace } from './undo-files.js';

export interface CheckOptions {
  readonly mode: Mode;
  readonly main?: MainDevice | undefined;
  /** Read every live spare sector. */
  readonly media?: boolean | undefined;
  /** The time of a commit, in Unix seconds. */
  readonly now: bigint;
  /** Raised where the check is to stop before it writes. */
  readonly signal?: AbortSignal | undefined;
  /** Runs what must not be left half done: reading can be stopped at any time, a correction is finished. */
  readonly uninterrupted?: (<Result>(work: () => Promise<Result>) => Promise<Result>) | undefined;
  readonly progress?: SurveyOptions['progress'] | undefined;
  /** Where undo files lie, the state directory unless told. */
  readonly undo?: UndoPlace | undefined;
}

/** A correction may uncover problems that it hid; further rounds correct them. */
const ROUNDS = 3;

/** What reading alone has shown of one spare. */
export interface Examined {
  readonly device: string;
  /** The same for two names of one device. */
  readonly identity: string;
  /** What to call the device in a line that may be typed later. */
  readonly lastingName: string;
  readonly found: Diagnosis;
  /** Beside the problems. */
  readonly warnings: readonly string[];
}

export interface CheckReport extends Examined {
  /** As it is now: the same where nothing was corrected. */
  readonly now: Diagnosis;
  /** Problems that were corrected, and what was written for them. */
  readonly corrected: readonly Problem[];
  readonly done: readonly string[];
  /** Problems that are there now. */
  readonly remaining: readonly Problem[];
  readonly exitCode: number;
}

/** Reads one spare, and writes nothing in any mode. */
export function examine(path: string, options: CheckOptions): Promise<Examined> {
  options.signal?.throwIfAborted();
  return withDevice(path, 'read', async (device) => {
    const warnings = await relationToMain(device, options.main);
    const found = await diagnoseFully(device, { ...options, holder: holderOf(device) });
    return {
      device: path,
      identity: identityOf(device),
      lastingName: lastingName(path, device, found.survey.choice.chosen?.header),
      found,
      warnings,
    };
  });
}

async function relationToMain(spare: FileDevice, main: MainDevice | undefined): Promise<readonly string[]> {
  if (main === undefined) return [];
  const { judgeRelation } = await import('./main-relation.js');
  const warning = judgeRelation(spare, main);
  return warning === undefined ? [] : [warning];
}

function identityOf({ deviceNumber, dev, ino }: FileDevice): string {
  return deviceNumber ?? `${dev}:${ino}`;
}

/**
 * In the modes preen and yes, corrects all that the mode allows or nothing (cli.md). Nothing is opened for
 * writing where the reading has shown nothing to correct.
 */
export async function settle(examined: Examined, options: CheckOptions): Promise<CheckReport> {
  const { device: path, found } = examined;
  if (options.mode !== 'read') await letChangesStand(path, found, options);
  const verdict = judge(found.problems, options.mode);
  if (verdict.correctable.length === 0)
    return {
      ...examined,
      now: found,
      corrected: [],
      done: [],
      remaining: verdict.remaining,
      exitCode: verdict.exitCode,
    };
  options.signal?.throwIfAborted();
  return withDevice(path, 'exclusive', (device) => correct(examined, device, options));
}

/** Everything is read again under the lock: what was seen before may have been another writer's doing. */
async function correct(examined: Examined, device: FileDevice, options: CheckOptions): Promise<CheckReport> {
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
    done.push(...(await write(device, now, correctable, options)));
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

/** Writes what corrects these problems; says what was done. */
async function write(
  device: FileDevice,
  diagnosis: FullDiagnosis,
  problems: readonly Problem[],
  options: CheckOptions,
): Promise<readonly string[]> {
  if (diagnosis.cutShort !== undefined) {
    const { takeBack } = await import('./cut-short.js');
    return takeBack(device, diagnosis.cutShort);
  }
  if (diagnosis.proven !== undefined) {
    const { phases, candidate } = diagnosis.proven;
    return carryOutSaved(device, phases, candidate.content.header, options);
  }
  const { survey } = diagnosis;
  const plan = planCorrections({
    survey,
    problems,
    now: options.now,
    logicalBlockSize: device.logicalBlockSize,
    beyond: await generationsBeyond(device, diagnosis, problems),
  });
  if (plan.needsUndo) return carryOutSaved(device, plan.phases, survey.choice.chosen?.header, options);
  await carryOut(device, plan.phases);
  return plan.phases.map(({ purpose }) => purpose);
}

/** What lies beyond the known size and is not this move's own may be another move's, with its generation. */
async function generationsBeyond(
  device: FileDevice,
  { survey: { choice, table } }: FullDiagnosis,
  problems: readonly Problem[],
): Promise<number | undefined> {
  if (!problems.some(({ id }) => id === 'device-grown-occupied')) return undefined;
  if (choice.chosen === undefined || table === undefined) return undefined;
  return newestBeyond(device, contentOf(choice.chosen.block, table));
}

/**
 * A change under an undo file that a power cut ended, and after which a copy is valid, needs no undoing. Looked
 * at again under the lock: the change may be another program's that goes on at this moment. In a redundant set
 * such a change has left the other copy damaged.
 */
async function letChangesStand(
  path: string,
  { survey, problems }: Diagnosis,
  { undo }: CheckOptions,
): Promise<void> {
  const { chosen } = survey.choice;
  if (chosen === undefined || (isRedundant(chosen.header) && problems.length === 0)) return;
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

/** A change that erases headers first, cut short there, has left nothing but its undo file. */
async function diagnoseErased(device: FileDevice, options: FullOptions, error: unknown): Promise<Diagnosis> {
  if (!(error instanceof DmremapError) || error.code !== 'not-dmremap3') throw error;
  const [{ findCutShort }, { surveySpare }] = await Promise.all([
    import('./cut-short.js'),
    import('./survey.js'),
  ]);
  const survey = await surveySpare(device, options);
  if ((await findCutShort(device, survey, options.undo)) === undefined) throw error;
  return { survey, problems: [] };
}

type FullOptions = SurveyOptions & Pick<CheckOptions, 'now' | 'undo'>;

interface FullDiagnosis extends Diagnosis {
  readonly cutShort?: CutShort | undefined;
  readonly proven?: ProvenContent | undefined;
}

/**
 * Where no copy is valid, an undo file may tell of a change that a power cut ended, and hold what it overwrote;
 * else what is left of the copies may prove what they held.
 */
async function diagnoseFully(device: FileDevice, options: FullOptions): Promise<FullDiagnosis> {
  const diagnosis = await diagnose(device, options).catch((error) => diagnoseErased(device, options, error));
  const { chosen, evidence } = diagnosis.survey.choice;
  if ((chosen !== undefined || evidence) && !diagnosis.problems.some(({ id }) => id === 'no-valid-copy'))
    return diagnosis;
  const { findCutShort } = await import('./cut-short.js');
  const cutShort = await findCutShort(device, diagnosis.survey, options.undo);
  if (cutShort !== undefined) {
    const finding = withRow({ id: 'change-cut-short', detail: cutShort.command, stored: cutShort.path });
    const others = diagnosis.problems.filter(({ id }) => id !== 'no-valid-copy');
    return { ...diagnosis, problems: [finding, ...others], cutShort };
  }
  const { findProven } = await import('./proven.js');
  const { undoWitnesses } = await import('./witnesses.js');
  const witnesses = await undoWitnesses(device, diagnosis.survey.copies, options.undo);
  const proven = await findProven(device, diagnosis, witnesses, options);
  return proven === undefined ? diagnosis : { ...diagnosis, problems: proven.problems, proven };
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
  { now, undo }: CheckOptions,
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
  });
  const purposes = phases.map(({ purpose }) => purpose);
  return path === undefined ? purposes : [`save what is overwritten in ${path}`, ...purposes];
}
