import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand, changeJson } from '../src/cli/change-command.js';
import { acceptMainFlag, changeFlags, deviceFlag, spareArg } from '../src/cli/flags.js';
import { undoListJson, undoListText } from '../src/cli/render/undo.js';
import { listUndoFiles, undoSpare } from '../src/operations/undo.js';

export default class Undo extends ChangeCommand<typeof Undo> {
  static override summary = 'Put back what the newest undo file of a spare saved.';
  static override description =
    'Refused if the device has changed since, or if a live entry would be dropped, added or pointed elsewhere: with --main, that is allowed where the data hidden and the data shown are equal; what main held is put back, too. An undo can itself be undone.';
  static override args = { spare: spareArg };
  static override flags = {
    list: Flags.boolean({
      description: 'Only list the undo files of this spare.',
      exclusive: ['from', 'main', 'accept-main'],
    }),
    from: Flags.string({ description: 'This undo file, instead of the newest.', helpValue: 'FILE' }),
    main: deviceFlag({ description: 'Main, to compare data, and to put back its bytes.', helpValue: 'MAIN' }),
    'accept-main': acceptMainFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Undo>): Promise<CommandResult> {
    if (flags.list) {
      const files = await listUndoFiles(args.spare);
      return {
        exitCode: 0,
        json: () => undoListJson(files),
        text: () => undoListText(files),
      };
    }
    const result = await undoSpare(args.spare, {
      ...(await this.changeOptions(flags)),
      from: flags.from,
      main: flags.main,
      acceptMain: flags['accept-main'],
    });
    this.report(result);
    return {
      exitCode: 0,
      json: () => changeJson(result),
      text: () => (result.applied ? `${args.spare}: ${result.plan.after}\n` : ''),
    };
  }
}
