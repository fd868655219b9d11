import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand } from '../src/cli/change-command.js';
import {
  changeFlags,
  LAYOUT_MEANING,
  LAYOUTS,
  spareArg,
  spareStartFlag,
  spareStartOf,
} from '../src/cli/flags.js';
import { relayoutJson, relayoutText } from '../src/cli/render/relayout.js';
import { relayoutSpare } from '../src/operations/relayout.js';

export default class Convert extends ChangeCommand<typeof Convert> {
  static override summary = 'Give a set another layout, and keep every remap.';
  static override description =
    'Remaps whose data lies where the second copy belongs are moved to free sectors of the spare first.';
  static override args = { spare: spareArg };
  static override flags = {
    layout: Flags.option({
      options: LAYOUTS,
      required: true,
      description: LAYOUT_MEANING,
    })(),
    'spare-start': spareStartFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Convert>): Promise<CommandResult> {
    const { layout } = flags;
    const change = {
      name: 'convert',
      layout,
      spareStart: spareStartOf(layout, flags['spare-start']),
    } as const;
    const result = await relayoutSpare(args.spare, change, {
      ...(await this.changeOptions(flags)),
      acceptGuess: false,
    });
    this.report(result);
    return { exitCode: 0, json: () => relayoutJson(result), text: () => relayoutText(result) };
  }
}
