import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { controlFlag } from '../src/cli/flags.js';
import { ctl, usersFolder } from '../src/operations/ctl.js';

export default class Ctl extends BaseCommand<typeof Ctl> {
  static override summary = 'Send one message to a running server, and print its answer.';
  static override description =
    'Messages: save, restore [discard], attach DEVICE, status, remap SECTOR, unremap SECTOR, clear, verify SECTOR, ping, stop [force].';
  static override args = {
    message: Args.string({
      required: true,
      multiple: true,
      description: 'The message and what it is about.',
    }),
  };
  static override flags = {
    set: Flags.string({
      description: 'The server of this set; needed only where several are running.',
      exclusive: ['control'],
      helpValue: 'UUID',
    }),
    control: controlFlag({ description: 'The server behind this socket.' }),
  };

  protected async execute({ args, flags }: Input<typeof Ctl>): Promise<CommandResult> {
    const { set, control } = flags;
    const answer = await ctl({
      words: args.message,
      ...(set === undefined ? {} : { set }),
      ...(control === undefined ? {} : { control }),
      folder: usersFolder,
    });
    return {
      exitCode: 0,
      json: { message: args.message.join(' '), answer },
      text: () => (answer === '' ? 'ok\n' : `${answer}\n`),
      isData: true,
    };
  }
}
