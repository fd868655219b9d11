/** A check without the command framework, under either of the names that start it. */
import { unixNow } from '../cli/clock.js';
import { combineExitCodes } from '../cli/exit-codes.js';
import { guardAgainstSilentEnd, leave, provideExitNow, reportUncaught } from '../cli/leave.js';
import { processOutputs } from '../cli/output.js';
import { Progress, progressMode } from '../cli/progress.js';
import { outcomeExitCode, outcomeText } from '../cli/render/check.js';
import { toAscii } from '../cli/render/text.js';
import { describeFailure } from '../cli/report.js';
import { processInterruption } from '../cli/signals.js';
import type { Terminals } from '../cli/terminal.js';
import { checkSpares, errorsOf, type Mode } from '../operations/check-many.js';
import { passLines } from './pass-lines.js';

/** How a program speaks: its name, as it stands in front of every message, and what its streams can show. */
export interface Speaker {
  readonly program: string;
  readonly terminals: Terminals;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

export interface CheckRequest {
  readonly devices: readonly string[];
  readonly mode: Mode;
  /** As `check --module`. */
  readonly module: boolean;
  /** Where progress is shown: as a line if there is a terminal, or to a descriptor as fsck(8) asks. */
  readonly progress: 'terminal' | number | undefined;
}

/** Does the work, which gives an exit code, and ends the process with it; never throws. */
export async function runToEnd(speaker: Speaker, work: () => Promise<number>): Promise<void> {
  const fail = (thrown: unknown) => complain(speaker, thrown);
  reportUncaught(fail);
  guardAgainstSilentEnd(speaker.program);
  provideExitNow(async () => (await import('../operations/exit-now.js')).exitNow);
  processInterruption().install();
  await leave(await work().catch(fail));
}

/** Checks, prints what was found, and gives the exit code. */
export async function runCheck(speaker: Speaker, request: CheckRequest): Promise<number> {
  const { terminals, verbose, quiet, program } = speaker;
  const { stdout, stderr } = processOutputs();
  const progress = request.progress === 'terminal' ? progressOn(speaker) : undefined;
  const told =
    typeof request.progress === 'number' ? passLines(request.progress, request.devices) : undefined;
  const interruption = processInterruption();
  const signal = interruption.adopt(
    'exit',
    (error) => {
      progress?.done();
      void complain(speaker, error).then(leave);
    },
    (text) => void (quiet || stderr.write(`${program}: ${text}\n`).catch(() => {})),
  );
  const outcomes = await checkSpares(request.devices, {
    mode: request.mode,
    module: request.module,
    now: unixNow(),
    signal,
    uninterrupted: interruption.uninterrupted,
    progress: told ?? ((done, total) => progress?.listener({ label: 'reading', done, total })),
  }).finally(() => progress?.done());
  for (const error of outcomes.flatMap(errorsOf)) await complain(speaker, error);
  if (!quiet) {
    const terminal = terminals.stdout;
    const text = outcomes.map((outcome) => outcomeText(outcome, { terminal, verbose })).join('');
    await stdout.write(terminal.unicode ? text : toAscii(text));
  }
  return combineExitCodes(outcomes.map(outcomeExitCode));
}

function progressOn({ terminals, quiet }: Speaker): Progress {
  return new Progress({
    mode: progressMode(undefined, quiet, terminals.stderr),
    width: terminals.stderr.width,
    write: (text) =>
      void processOutputs()
        .stderr.write(text)
        .catch(() => {}),
  });
}

/** Says on standard error what went wrong, and gives its exit code. A closed one is nobody's business. */
async function complain({ program, terminals, verbose }: Speaker, thrown: unknown): Promise<number> {
  const failure = describeFailure(thrown, verbose);
  const text = failure.text(program, terminals.stderr);
  await processOutputs()
    .stderr.write(terminals.stderr.unicode ? text : toAscii(text))
    .catch(() => {});
  return failure.exitCode;
}
