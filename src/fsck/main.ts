/**
 * fsck.dmremap3: `dmremap check` under the name and the flags that fsck(8) passes. It starts in an initramfs
 * on the way to the root filesystem, so it loads no command framework; plain lines of `dmremap check` come here
 * too, to start as fast.
 */
import { EXIT_OK } from '../cli/exit-codes.js';
import { processOutputs } from '../cli/output.js';
import type { PlainCheck } from '../cli/plain-check.js';
import { detectTerminals } from '../cli/terminal.js';
import { parseFsckArguments } from './arguments.js';
import { runCheck, runToEnd } from './run-check.js';

const PROGRAM = 'fsck.dmremap3';

const HELP = `Check the metadata of DMREMAP3 spares, and correct it.

usage: ${PROGRAM} [-a|-n|-p|-y] [-f] [-v] [-C FD] DEVICE...

  -n       only read (as without a flag)
  -a, -p   correct all that is safe without asking, or nothing
  -y       correct also what needs a yes and can lose nothing
  --module look for what the dm-remap v3 kernel module leaves without a magic
  -v       say what each problem means
  -C FD    show progress: 0 on the terminal, else to this descriptor
  -f       taken for fsck(8); every check is a full one

DEVICE is a path or a tag: SET=UUID, SPARE=UUID, WWN=ID, PARTUUID=UUID.
exit: 0 clean, 1 corrected, 4 problems remain, 8 could not be checked,
      16 usage, 32 cancelled
`;

/** Runs the program to its end; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  const speaker = { program: PROGRAM, terminals: detectTerminals(), verbose: false, quiet: false };
  await runToEnd(speaker, async () => {
    const { help, verbose, progress, ...request } = parseFsckArguments(argv);
    const showing = progress === 0 ? 'terminal' : progress;
    if (!help) return runCheck({ ...speaker, verbose }, { ...request, progress: showing });
    await processOutputs().stdout.write(HELP);
    return EXIT_OK;
  });
}

/** Runs `dmremap check` with a line that needs no command framework, and says everything that it would say. */
export async function check({ verbose, quiet, noColor, ascii, ...request }: PlainCheck): Promise<void> {
  const speaker = {
    program: 'dmremap check',
    terminals: detectTerminals({ noColor, ascii }),
    verbose,
    quiet,
  };
  await runToEnd(speaker, () => runCheck(speaker, { ...request, module: false, progress: 'terminal' }));
}
