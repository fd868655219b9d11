import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand, changeJson } from '../src/cli/change-command.js';
import { changeFlags, discardRemapsFlag, spareArg } from '../src/cli/flags.js';
import { wipeSpare } from '../src/operations/wipe.js';

export default class Wipe extends ChangeCommand<typeof Wipe> {
  static override summary = 'Remove the metadata from a spare.';
  static override description =
    'Every header that could be found is erased; the data sectors stay as they are.';
  static override args = { spare: spareArg };
  static override flags = { 'discard-remaps': discardRemapsFlag, ...changeFlags };

  protected async execute({ args, flags }: Input<typeof Wipe>): Promise<CommandResult> {
    const result = await wipeSpare(args.spare, {
      ...(await this.changeOptions(flags)),
      discardRemaps: flags['discard-remaps'],
    });
    this.report(result);
    return {
      exitCode: 0,
      json: () => changeJson(result),
      text: () => (result.applied ? `${args.spare}: the metadata is gone\n` : ''),
    };
  }
}
