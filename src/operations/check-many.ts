import { type Mode, withRow } from '../check/checker.js';
import type { Finding, Problem } from '../check/finding.js';
import { DmremapError } from '../errors.js';
import { hasExtension } from '../format/header.js';
import { sparesToCheck } from '../machine/tags.js';
import { judgeSet, type Member, type PairFinding } from '../migrate/pairs.js';
import { examine, settle } from './check.js';
import type { CheckOptions, CheckReport, Examined } from './check-report.js';
import type { Diagnosis } from './diagnose.js';
import { isKernelName } from './lasting-name.js';
import { finishSwitch, retireSource } from './pair-steps.js';
import { refusalOf } from './spare.js';

/** A device that could not be checked; the others are checked all the same. */
export interface CheckFailure {
  readonly device: string;
  readonly error: DmremapError;
}

/** A report, and why a step of section 8 that the device is part of could not be taken. */
export interface CheckedSpare extends CheckReport {
  readonly stepError?: DmremapError;
}

export type CheckOutcome = CheckedSpare | CheckFailure;

export function isFailure(outcome: CheckOutcome): outcome is CheckFailure {
  return 'error' in outcome;
}

/** What could not be done, to be told beside the report or in its place. */
export function errorsOf(outcome: CheckOutcome): readonly DmremapError[] {
  if (isFailure(outcome)) return [outcome.error];
  const refusal = refusalOf(outcome.device, outcome.found.problems);
  return [refusal, outcome.stepError].filter((error) => error !== undefined);
}

/**
 * Checks several spares, those of one set against each other (format.md section 8). All are read before one
 * is written: where it cannot be told which spare of a set counts, nothing of that set is corrected. Errors
 * other than DmremapError are thrown.
 */
export async function checkSpares(names: readonly string[], options: CheckOptions): Promise<CheckOutcome[]> {
  const devices = (await Promise.all(names.map(sparesToCheck))).flat();
  const examined: (Examined | CheckFailure)[] = [];
  for (const device of devices) examined.push(await orFailure(device, () => examine(device, options)));
  const withheld = withheldDevices(examined.filter((one): one is Examined => 'found' in one));
  const outcomes: CheckOutcome[] = [];
  for (const one of examined)
    outcomes.push('error' in one ? one : await settled(one, withheld.has(one.device), options));
  for (const { uuid, members } of setsOf(outcomes.filter((one): one is CheckedSpare => !isFailure(one))))
    for (const finding of judgeSet(members).findings) await addPairFinding(outcomes, finding, uuid, options);
  return outcomes;
}

function settled(one: Examined, withheld: boolean, options: CheckOptions): Promise<CheckOutcome> {
  return orFailure(one.device, () => settle(one, withheld ? { ...options, mode: 'read' } : options));
}

async function orFailure<Result>(
  device: string,
  work: () => Promise<Result>,
): Promise<Result | CheckFailure> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DmremapError) return { device, error };
    throw error;
  }
}

/** The names of all spares of the sets of which no spare, or none but by chance, is the active one. */
function withheldDevices(examined: readonly Examined[]): Set<string> {
  const withheld = new Set<string>();
  for (const { devices, members } of setsOf(examined))
    if (judgeSet(members).findings.some(({ kind }) => kind === 'clone' || kind === 'contradiction'))
      for (const device of devices) withheld.add(device);
  return withheld;
}

interface CheckedSet {
  readonly uuid: string;
  readonly members: readonly Member[];
  /** Every name, also where one device has several. */
  readonly devices: readonly string[];
}

/** Sets of which several devices are here. A device that is named twice is one spare, and no clone. */
function setsOf(spares: readonly (Examined & { readonly now?: Diagnosis })[]): CheckedSet[] {
  interface Gathered {
    readonly members: Map<string, Member>;
    readonly devices: string[];
  }
  const sets = new Map<string, Gathered>();
  for (const { device, key, found, now = found } of spares) {
    const header = now.survey.choice.chosen?.header;
    if (header === undefined || !hasExtension(header)) continue;
    const set: Gathered = sets.get(header.set_uuid) ?? { members: new Map(), devices: [] };
    if (!set.members.has(key)) set.members.set(key, { ...header, name: device });
    set.devices.push(device);
    sets.set(header.set_uuid, set);
  }
  return [...sets].map(([uuid, { members, devices }]) => ({ uuid, members: [...members.values()], devices }));
}

async function addPairFinding(
  outcomes: CheckOutcome[],
  pair: PairFinding,
  setUuid: string,
  options: CheckOptions,
): Promise<void> {
  const findings = findingsFor(pair, setUuid);
  const step = await correctPair(outcomes, pair, options);
  for (const [index, outcome] of outcomes.entries()) {
    const finding = findings.get(outcome.device);
    if (finding === undefined || isFailure(outcome) || isRefused(outcome)) continue;
    outcomes[index] = withFinding(outcome, withRow(finding), step);
  }
}

/** Nothing else is said of a spare that this program must not judge. */
function isRefused({ remaining }: CheckReport): boolean {
  return remaining.some(({ row }) => row.severity === 'refusal');
}

/** Which devices a finding is about, and what is said there. */
function findingsFor(pair: PairFinding, setUuid: string): Map<string, Finding> {
  switch (pair.kind) {
    case 'switch-unfinished':
      return new Map([[pair.target.name, { id: 'pair-switch-unfinished', pair: namesOf(pair) }]]);
    case 'source-not-retired':
      return new Map([[pair.source.name, { id: 'pair-source-not-retired', pair: namesOf(pair) }]]);
    case 'clone':
      return new Map(
        pair.members.map(({ name }) => {
          const others = pair.members.filter((member) => member.name !== name).map((member) => member.name);
          return [name, { id: 'pair-clone', detail: others.join(', ') }];
        }),
      );
    case 'contradiction': {
      const { unsettled } = pair;
      const settling =
        unsettled === undefined
          ? ''
          : `; to settle it: dmremap migrate ${namesOf(unsettled).join(' ')} --resume`;
      const detail = `${pair.detail}${settling}`;
      return new Map(
        pair.members.map(({ name }) => [name, { id: 'pair-contradiction', stored: setUuid, detail }]),
      );
    }
  }
}

/** Both devices by names that last: a tag in place of what the kernel calls them. */
function namesOf({ source, target }: { readonly source: Member; readonly target: Member }): [string, string] {
  const nameOf = ({ name, spare_uuid }: Member) => (isKernelName(name) ? `SPARE=${spare_uuid}` : name);
  return [nameOf(source), nameOf(target)];
}

/** What came of the step that corrects a finding about a pair: taken, or the error that stopped it. */
type PairStep = 'taken' | 'not taken' | DmremapError;

/** The unattended steps of section 8, if everything else about both spares is in order. */
async function correctPair(
  outcomes: readonly CheckOutcome[],
  pair: PairFinding,
  { mode, now, signal, uninterrupted = (work) => work() }: CheckOptions,
): Promise<PairStep> {
  if (mode === 'read' || (pair.kind !== 'switch-unfinished' && pair.kind !== 'source-not-retired'))
    return 'not taken';
  const involved = outcomes.filter(
    ({ device }) => device === pair.source.name || device === pair.target.name,
  );
  const inOrder = involved.every(
    (outcome) => !isFailure(outcome) && outcome.remaining.every(({ id }) => id === 'role-target'),
  );
  if (!inOrder) return 'not taken';
  const step = pair.kind === 'switch-unfinished' ? finishSwitch : retireSource;
  try {
    signal?.throwIfAborted();
    await uninterrupted(() => step(pair.source.name, pair.target.name, now));
    return 'taken';
  } catch (error) {
    if (error instanceof DmremapError) return error;
    throw error;
  }
}

function withFinding(report: CheckedSpare, problem: Problem, step: PairStep): CheckedSpare {
  const corrected = step === 'taken';
  // the unfinished switch is what makes the target a target
  const replaced = (problems: readonly Problem[]) =>
    problem.id === 'pair-switch-unfinished' ? problems.filter(({ id }) => id !== 'role-target') : problems;
  const remaining = [...replaced(report.remaining), ...(corrected ? [] : [problem])];
  const done = [...report.corrected, ...(corrected ? [problem] : [])];
  return {
    ...report,
    found: { ...report.found, problems: [...replaced(report.found.problems), problem] },
    corrected: done,
    done: corrected ? [...report.done, problem.row.corrects] : report.done,
    remaining,
    exitCode: (done.length > 0 ? 1 : 0) | (remaining.length > 0 ? 4 : 0),
    ...(step instanceof DmremapError ? { stepError: step } : {}),
  };
}

export type { Mode };

/** The mode of a check by its flags. */
export function modeOf(flags: { readonly preen: boolean; readonly yes: boolean }): Mode {
  return flags.yes ? 'yes' : flags.preen ? 'preen' : 'read';
}
