import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand } from '../src/cli/change-command.js';
import { capacityFlag, changeFlags, spareArg } from '../src/cli/flags.js';
import { relayoutJson, relayoutText } from '../src/cli/render/relayout.js';
import { relayoutSpare } from '../src/operations/relayout.js';

export default class Resize extends ChangeCommand<typeof Resize> {
  static override summary = 'Change how many remaps a set can hold, and keep every one.';
  static override description =
    'Fits the set to a spare that has grown. Remaps whose data stands in the way of the table are moved to ' +
    'free sectors of the spare first. That a spare which has become smaller still holds all data is a guess.';
  static override args = { spare: spareArg };
  static override flags = {
    entries: capacityFlag({ required: true, description: 'Capacity: how many sectors can be remapped.' }),
    'accept-guess': Flags.boolean({ description: 'Fit the set to a spare that has become smaller.' }),
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Resize>): Promise<CommandResult> {
    const change = { name: 'resize', maxEntries: flags.entries } as const;
    const result = await relayoutSpare(args.spare, change, {
      ...(await this.changeOptions(flags)),
      acceptGuess: flags['accept-guess'],
    });
    this.report(result);
    return { exitCode: 0, json: () => relayoutJson(result), text: () => relayoutText(result) };
  }
}
