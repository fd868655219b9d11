import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { combineExitCodes, exitCodeOf } from '../src/cli/exit-codes.js';
import { deviceArg } from '../src/cli/flags.js';
import { scanJson, scanText } from '../src/cli/render/scan.js';
import { DmremapError } from '../src/errors.js';
import { scan } from '../src/operations/scan.js';

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
    // of a device that was named, somebody wants to know; of all the others it is a remark
    const named = args.device !== undefined;
    for (const { code, message } of result.failures) {
      if (named) await this.complainOf(new DmremapError(code, message));
      else this.warn(message);
    }
    const failed = named ? result.failures.map(({ code }) => exitCodeOf(code)) : [];
    return {
      exitCode: combineExitCodes([result.exitCode, ...failed]),
      json: () => scanJson(result),
      text: (terminal) => scanText(result, terminal),
    };
  }
}
