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
import { listFlags, namedSectors } from '../src/cli/list-flags.js';
import { remapExitCode, remapJson, remapText } from '../src/cli/render/remap.js';
import { remapSectors } from '../src/operations/remap.js';

export default class Remap extends ChangeCommand<typeof Remap> {
  static override summary = 'Give bad sectors of main a place on the spare, with their data.';
  static override description =
    'The sectors are named here or by a list of another tool; main fails in physical blocks, so whole ones are ' +
    'moved. Exits with 4 if some cannot be read: they are listed and stay, unless with --lost=zero.';
  static override args = { spare: spareArg, sector: optionalSectorsArg };
  static override flags = {
    main: mainFlag,
    'accept-main': acceptMainFlag,
    ...listFlags,
    lost: Flags.option({
      options: ['fail', 'zero'] as const,
      default: 'fail',
      description: 'Sectors that cannot be read: leave them, or remap them as zeros.',
    })(),
    'lost-map': Flags.string({
      description: 'Write those as a ddrescue mapfile here, and not beside the undo files.',
      helpValue: 'FILE',
    }),
    'held-by': Flags.string({
      description:
        "While the set's own mapping holds its devices, suspended; the lines for dmsetup are printed.",
      helpValue: 'DM',
    }),
    progress: progressFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Remap>): Promise<CommandResult> {
    const named = namedSectors(args.sector ?? [], flags);
    const progress = await this.progress(flags.progress);
    const result = await remapSectors(args.spare, {
      ...(await this.changeOptions(flags)),
      named,
      main: flags.main,
      acceptMain: flags['accept-main'],
      lost: flags.lost,
      lostMap: flags['lost-map'],
      heldBy: flags['held-by'],
      dryRun: flags['dry-run'],
      signal: this.signal,
      progress: (done, total) => progress.listener({ label: 'reading main', done, total, unit: 'bytes' }),
    });
    this.report(result);
    return {
      exitCode: remapExitCode(result),
      json: () => remapJson(result),
      text: () => remapText(result, flags['dry-run']),
    };
  }
}
