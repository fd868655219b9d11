/**
 * fsck.dmremap3: `dmremap check` under the name and the flags that fsck(8) passes. It starts in an initramfs
 * on the way to the root filesystem, so it loads no command framework.
 */
import { unixNow } from '../cli/clock.js';
import { combineExitCodes } from '../cli/exit-codes.js';
import { guardAgainstSilentEnd, leave, provideExitNow } from '../cli/leave.js';
import { processOutputs } from '../cli/output.js';
import { outcomeExitCode, outcomeText } from '../cli/render/check.js';
import { describeFailure } from '../cli/report.js';
import { processInterruption } from '../cli/signals.js';
import { detectTerminals } from '../cli/terminal.js';
import { checkSpares, errorsOf } from '../operations/check-many.js';
import { type FsckArguments, parseFsckArguments } from './arguments.js';

const PROGRAM = 'fsck.dmremap3';

const HELP = `Check the metadata of DMREMAP3 spares, and correct it.

usage: ${PROGRAM} [-a|-n|-p|-y] [-f] [-v] [-C FD] DEVICE...

  -n       only read (as without a flag)
  -a, -p   correct all that is safe without asking, or nothing
  -y       correct also what needs a yes and can lose nothing
  --module look for what the dm-remap v3 kernel module leaves without a magic
  -v       say what each problem means
  -f, -C   taken for fsck(8); every check is a full one

DEVICE is a path or a tag: SET=UUID, SPARE=UUID, WWN=ID, PARTUUID=UUID.
exit: 0 clean, 1 corrected, 4 problems remain, 8 could not be checked,
      16 usage, 32 cancelled
`;

/** Runs the program; sets the exit code and never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  guardAgainstSilentEnd(PROGRAM);
  provideExitNow(async () => (await import('../operations/exit-now.js')).exitNow);
  const fail = async (thrown: unknown, verbose = false): Promise<number> => {
    const failure = describeFailure(thrown, verbose);
    await processOutputs().stderr.write(failure.text(PROGRAM, detectTerminals().stderr));
    return failure.exitCode;
  };
  const interruption = processInterruption();
  interruption.install();
  const signal = interruption.adopt(
    'exit',
    (error) => void fail(error).then(leave),
    () => {},
  );
  try {
    await leave(await run(parseFsckArguments(argv), signal, fail));
  } catch (thrown) {
    await leave(await fail(thrown));
  }
}

async function run(
  { devices, mode, verbose, help, module }: FsckArguments,
  signal: AbortSignal,
  fail: (thrown: unknown, verbose: boolean) => Promise<number>,
): Promise<number> {
  const { stdout } = processOutputs();
  if (help) {
    await stdout.write(HELP);
    return 0;
  }
  const codes: number[] = [];
  const terminal = detectTerminals().stdout;
  const { uninterrupted } = processInterruption();
  const options = { mode, module, now: unixNow(), signal, uninterrupted };
  for (const outcome of await checkSpares(devices, options)) {
    await stdout.write(outcomeText(outcome, { terminal, verbose }));
    for (const error of errorsOf(outcome)) await fail(error, verbose);
    codes.push(outcomeExitCode(outcome));
  }
  return combineExitCodes(codes);
}
