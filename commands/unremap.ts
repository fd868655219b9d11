import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand } from '../src/cli/change-command.js';
import {
  acceptMainFlag,
  changeFlags,
  mainFlag,
  optionalSectorsArg,
  progressFlag,
  spareArg,
} from '../src/cli/flags.js';
import { rangesToReturn, unremapExitCode, unremapJson, unremapText } from '../src/cli/render/unremap.js';
import { unremapSectors } from '../src/operations/unremap.js';

export default class Unremap extends ChangeCommand<typeof Unremap> {
  static override summary = 'Move remapped sectors back to main.';
  static override description =
    'Their data is written to main and read back there before their entries go. What main does not hold stays ' +
    'remapped, and is listed: exits with 4 then.';
  static override args = { spare: spareArg, sector: optionalSectorsArg };
  static override flags = {
    all: Flags.boolean({ description: 'All that are remapped.' }),
    main: mainFlag,
    'accept-main': acceptMainFlag,
    progress: progressFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Unremap>): Promise<CommandResult> {
    const ranges = rangesToReturn(args.sector ?? [], flags.all);
    const progress = await this.progress(flags.progress);
    const result = await unremapSectors(args.spare, {
      ...(await this.changeOptions(flags)),
      ranges,
      main: flags.main,
      acceptMain: flags['accept-main'],
      signal: this.signal,
      progress: (done, total) => progress.listener({ label: 'writing main', done, total, unit: 'bytes' }),
    });
    this.report(result);
    return {
      exitCode: unremapExitCode(result),
      json: () => unremapJson(result),
      text: () => unremapText(result, flags['dry-run']),
    };
  }
}
