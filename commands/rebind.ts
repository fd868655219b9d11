import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand, changeJson } from '../src/cli/change-command.js';
import { changeFlags, deviceFlag, spareArg } from '../src/cli/flags.js';
import { rebindSpare } from '../src/operations/rebind.js';

export default class Rebind extends ChangeCommand<typeof Rebind> {
  static override summary = 'Record another disk, onto which main was copied, as the main of a set.';
  static override description = 'That it holds the same as main is your word: nothing of it is read.';
  static override args = { spare: spareArg };
  static override flags = {
    main: deviceFlag({ required: true, description: 'The copy of main.', helpValue: 'NEW' }),
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Rebind>): Promise<CommandResult> {
    const result = await rebindSpare(args.spare, flags.main, await this.changeOptions(flags));
    this.report(result);
    const { plan, applied, mainId, oldMainId } = result;
    return {
      exitCode: 0,
      json: () => ({
        ...changeJson(result),
        main_id: mainId,
        old_main_id: oldMainId,
        main_device_size: result.mainSize,
        generation: result.generation,
      }),
      text: () => {
        const name = mainId === '' ? `${flags.main}, which has no identity` : mainId;
        if (plan.phases.length === 0) return `${args.spare}: its main is ${name} already\n`;
        return applied ? `${args.spare}: its main is ${name}\n` : '';
      },
    };
  }
}
