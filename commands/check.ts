import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { unixNow } from '../src/cli/clock.js';
import { combineExitCodes } from '../src/cli/exit-codes.js';
import { mainFlag, moduleFlag, progressFlag, sparesArg } from '../src/cli/flags.js';
import { kernelLogFlags, kernelLogOf } from '../src/cli/list-flags.js';
import { outcomeExitCode, outcomeJson, outcomeText } from '../src/cli/render/check.js';
import { DmremapError } from '../src/errors.js';
import { loggedSectors } from '../src/operations/bad-sectors.js';
import { checkSpares, errorsOf, isFailure, modeOf } from '../src/operations/check-many.js';
import { readMain } from '../src/operations/main-device.js';

export default class Check extends BaseCommand<typeof Check> {
  static override summary = 'Check the metadata of spares, and correct it.';
  static override description =
    'Always validates everything. Without a flag or with -n it only reads; -p and -y correct everything that they may, or nothing.';
  static override args = { spare: sparesArg };
  static override flags = {
    'no-change': Flags.boolean({ char: 'n', description: 'Only read.' }),
    preen: Flags.boolean({ char: 'p', description: 'Correct all that is safe without asking.' }),
    yes: Flags.boolean({ char: 'y', description: 'Correct also what needs a yes and can lose nothing.' }),
    main: mainFlag,
    ...kernelLogFlags,
    media: Flags.boolean({ description: 'Read every live sector of the spare.' }),
    module: moduleFlag,
    progress: progressFlag,
  };

  protected async execute({ args, flags }: Input<typeof Check>): Promise<CommandResult> {
    if ([flags['no-change'], flags.preen, flags.yes].filter(Boolean).length > 1)
      throw new DmremapError('usage', 'only one of -n, -p and -y can be given');
    if (flags.main !== undefined && args.spare.length > 1)
      throw new DmremapError('usage', '--main goes with one spare only');
    const main = flags.main === undefined ? undefined : await readMain(flags.main);
    const progress = await this.progress(flags.progress);
    const outcomes = await checkSpares(args.spare, {
      mode: modeOf(flags),
      main,
      logged: main === undefined ? [] : await loggedSectors(kernelLogOf(flags), main),
      media: flags.media,
      module: flags.module,
      now: unixNow(),
      signal: this.signal,
      uninterrupted: this.uninterrupted,
      progress: (done, total) => progress.listener({ label: 'reading', done, total }),
    });
    const [only, other] = outcomes;
    if (only !== undefined && other === undefined && isFailure(only)) throw only.error;
    for (const error of outcomes.flatMap(errorsOf)) await this.complainOf(error);
    return {
      exitCode: combineExitCodes(outcomes.map(outcomeExitCode)),
      json: () => ({ devices: outcomes.map(outcomeJson) }),
      text: (terminal) =>
        outcomes.map((outcome) => outcomeText(outcome, { terminal, verbose: flags.verbose })).join(''),
    };
  }
}
