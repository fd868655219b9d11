import type { Mode } from '../../check/checker.js';
import { Recording } from '../../device/crash/recording.js';
import { DmremapError } from '../../errors.js';
import { examine, settle } from '../check.js';
import { checkSpares, isFailure } from '../check-many.js';
import type { CheckOptions, CheckReport } from '../check-report.js';
import type { Work } from './run-once.js';
import { Stage, type Start } from './stage.js';
import type { Witness } from './witness.js';

/** How a recovery ended. */
export interface Recovered {
  /** What the spare holds afterwards, and what lies in the state directory. */
  readonly start: Start;
  readonly recording: Recording;
  /** What the witness says of it. */
  readonly told: string | undefined;
  /** What is wrong with it; undefined where all is well. */
  readonly wrong: string | undefined;
}

export interface Recovery {
  readonly witness: Witness;
  /** As `check -p` does, unless told. */
  readonly mode?: Mode;
  /** What is done where that leaves something to the operator. */
  readonly decide?: Work;
}

/**
 * What is done about a spare after a power cut: `check -p`, or what only -y does, or the operator; and a second
 * check, which must find nothing.
 */
export async function recover(start: Start, how: Recovery): Promise<Recovered> {
  const { witness } = how;
  const recording = new Recording();
  return Stage.run(start, recording, async (stage) => {
    const wrong = await answersAndStaysSilent(stage, how, start.faults !== undefined);
    const told = await witness.tell(stage.device);
    const complaint =
      wrong ??
      (start.faults === undefined ? await witness.complain?.(stage.device) : undefined) ??
      (await stage.complaint());
    const after: Start = { ...stage.asStart(start.name), ...(start.faults ? { faults: start.faults } : {}) };
    return { start: after, recording, told, wrong: complaint };
  });
}

/** With sectors that cannot be written the check may fail, but it loses nothing. */
async function answersAndStaysSilent(
  stage: Stage,
  { mode = 'preen', decide }: Recovery,
  mayFail: boolean,
): Promise<string | undefined> {
  const options = { mode, now: stage.now, undo: stage.undo };
  try {
    let { exitCode, remaining } = await checkAll(stage, options);
    if (mayFail) return undefined;
    if ((exitCode & ~1) !== 0 && decide !== undefined) {
      await decide(stage);
      ({ exitCode, remaining } = await checkAll(stage, options));
    }
    if ((exitCode & ~1) !== 0) return `check answers ${exitCode} (${idsOf(remaining)})`;
    if (exitCode === 0) return undefined;
    const again = await checkAll(stage, options);
    return again.exitCode === 0
      ? undefined
      : `a second check answers ${again.exitCode} (${idsOf(again.remaining)})`;
  } catch (error) {
    if (!(error instanceof DmremapError)) throw error;
    if (mayFail || error.code === 'not-dmremap3') return undefined;
    return `check fails: ${error.code}, ${error.message}`;
  }
}

type Checked = Pick<CheckReport, 'exitCode' | 'remaining'>;

/** The spare; with the one that its set is moved to, where there is one. */
async function checkAll(stage: Stage, options: CheckOptions): Promise<Checked> {
  if (!stage.hasTarget) return settle(await examine(stage.path, options), options);
  const all: Checked = { exitCode: 0, remaining: [] };
  return (await checkSpares([stage.path, stage.target], options)).reduce((sum, outcome) => {
    if (!isFailure(outcome))
      return {
        exitCode: sum.exitCode | outcome.exitCode,
        remaining: [...sum.remaining, ...outcome.remaining],
      };
    // before the set came there, and after it was taken away
    if (outcome.device === stage.target && outcome.error.code === 'not-dmremap3') return sum;
    throw outcome.error;
  }, all);
}

function idsOf(problems: readonly { readonly id: string }[]): string {
  return problems.map(({ id }) => id).join(', ');
}
