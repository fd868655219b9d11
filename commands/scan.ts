import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { combineExitCodes, exitCodeOf } from '../src/cli/exit-codes.js';
import { deviceArg } from '../src/cli/flags.js';
import { scanJson, scanText } from '../src/cli/render/scan.js';
import { DmremapError } from '../src/errors.js';
import { type ScanFailure, scan } from '../src/operations/scan.js';

export default class Scan extends BaseCommand<typeof Scan> {
  static override summary = 'Find the spares of this machine.';
  static override description =
    'All block devices, or the named ones, side by side; each is given up after 10 s without an answer. Sets with their spares, roles and clones, and what to type next.';
  static override args = {
    device: deviceArg({ multiple: true, description: 'Look at these only.' }),
  };
  static override flags = {
    deep: Flags.boolean({ description: 'Where no valid copy is found, look at every block of the device.' }),
  };

  protected async execute({ args, flags }: Input<typeof Scan>): Promise<CommandResult> {
    const result = await scan({ devices: args.device ?? [], deep: flags.deep });
    // a device that is gone again, or has no medium, holds no spare; of any other that was not read nobody knows
    const counts = ({ code }: ScanFailure): boolean => args.device !== undefined || code !== 'no-such-device';
    for (const failure of result.failures) {
      if (counts(failure)) await this.complainOf(new DmremapError(failure.code, failure.message));
      else this.warn(failure.message);
    }
    const failed = result.failures.filter(counts).map(({ code }) => exitCodeOf(code));
    return {
      exitCode: combineExitCodes([result.exitCode, ...failed]),
      json: () => scanJson(result),
      text: (terminal) => scanText(result, terminal),
    };
  }
}
