import { type Mode, withRow } from '../check/checker.js';
import type { Finding, Problem } from '../check/finding.js';
import { DmremapError } from '../errors.js';
import { type Header, hasExtension } from '../format/header.js';
import { judgeSet, type Member, type PairFinding } from '../migrate/pairs.js';
import { type CheckOptions, type CheckReport, checkSpare } from './check.js';
import { finishSwitch, retireSource } from './pair-steps.js';

/** A device that could not be checked; the others are checked all the same. */
export interface CheckFailure {
  readonly device: string;
  readonly error: DmremapError;
}

export type CheckOutcome = CheckReport | CheckFailure;

export function isFailure(outcome: CheckOutcome): outcome is CheckFailure {
  return 'error' in outcome;
}

/**
 * Checks several spares one after the other, and those of one set against each other (format.md section 8).
 * Errors other than DmremapError are thrown.
 */
export async function checkSpares(
  devices: readonly string[],
  options: CheckOptions,
): Promise<CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  for (const device of devices) outcomes.push(await outcomeOf(device, options));
  return devices.length > 1 ? withPairs(outcomes, options) : outcomes;
}

async function outcomeOf(device: string, options: CheckOptions): Promise<CheckOutcome> {
  try {
    return await checkSpare(device, options);
  } catch (error) {
    if (error instanceof DmremapError) return { device, error };
    throw error;
  }
}

async function withPairs(outcomes: CheckOutcome[], options: CheckOptions): Promise<CheckOutcome[]> {
  const sets = new Map<string, Member[]>();
  for (const outcome of outcomes) {
    const header = isFailure(outcome) ? undefined : headerOf(outcome);
    if (header === undefined || !hasExtension(header)) continue;
    sets.set(header.set_uuid, [...(sets.get(header.set_uuid) ?? []), { ...header, name: outcome.device }]);
  }
  let judged = outcomes;
  for (const [uuid, members] of sets) {
    if (members.length < 2) continue;
    for (const finding of judgeSet(members).findings)
      judged = await withPairFinding(judged, finding, uuid, options);
  }
  return judged;
}

function headerOf(report: CheckReport): Header | undefined {
  return report.now.survey.choice.chosen?.header;
}

async function withPairFinding(
  outcomes: readonly CheckOutcome[],
  pair: PairFinding,
  setUuid: string,
  options: CheckOptions,
): Promise<CheckOutcome[]> {
  const findings = findingsFor(pair, setUuid);
  const corrected = await correctPair(outcomes, pair, options);
  return outcomes.map((outcome) => {
    const finding = findings.get(outcome.device);
    if (finding === undefined || isFailure(outcome) || isRefused(outcome)) return outcome;
    return withFinding(outcome, withRow(finding), corrected);
  });
}

/** Nothing else is said of a spare that this program must not judge. */
function isRefused({ remaining }: CheckReport): boolean {
  return remaining.some(({ row }) => row.severity === 'refusal');
}

/** Which devices a finding is about, and what is said there. */
function findingsFor(pair: PairFinding, setUuid: string): Map<string, Finding> {
  switch (pair.kind) {
    case 'switch-unfinished':
      return new Map([[pair.target.name, { id: 'pair-switch-unfinished' }]]);
    case 'source-not-retired':
      return new Map([[pair.source.name, { id: 'pair-source-not-retired' }]]);
    case 'clone':
      return new Map(
        pair.members.map(({ name }) => {
          const others = pair.members.filter((member) => member.name !== name).map((member) => member.name);
          return [name, { id: 'pair-clone', detail: others.join(', ') }];
        }),
      );
    case 'contradiction':
      return new Map(
        pair.members.map(({ name }) => [
          name,
          { id: 'pair-contradiction', stored: setUuid, detail: pair.detail },
        ]),
      );
  }
}

/** The unattended steps of section 8, if everything else about both spares is in order. */
async function correctPair(
  outcomes: readonly CheckOutcome[],
  pair: PairFinding,
  { mode, now }: CheckOptions,
): Promise<boolean> {
  if (mode === 'read' || (pair.kind !== 'switch-unfinished' && pair.kind !== 'source-not-retired'))
    return false;
  const involved = outcomes.filter(
    ({ device }) => device === pair.source.name || device === pair.target.name,
  );
  const inOrder = involved.every(
    (outcome) => !isFailure(outcome) && outcome.remaining.every(({ id }) => id === 'role-target'),
  );
  if (!inOrder) return false;
  const step = pair.kind === 'switch-unfinished' ? finishSwitch : retireSource;
  await step(pair.source.name, pair.target.name, now);
  return true;
}

function withFinding(report: CheckReport, problem: Problem, corrected: boolean): CheckReport {
  if (problem.row.severity === 'note')
    return { ...report, found: { ...report.found, problems: [...report.found.problems, problem] } };
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
  };
}

export type { Mode };

/** The mode of a check by its flags. */
export function modeOf(flags: { readonly preen: boolean; readonly yes: boolean }): Mode {
  return flags.yes ? 'yes' : flags.preen ? 'preen' : 'read';
}
