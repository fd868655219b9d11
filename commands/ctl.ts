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
    message: Args.string({ required: true, description: 'The message.' }),
    about: Args.string({ description: 'What it is about: a sector, a device, discard, force.' }),
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
    const words = args.about === undefined ? [args.message] : [args.message, args.about];
    const answer = await ctl({
      words,
      ...(set === undefined ? {} : { set }),
      ...(control === undefined ? {} : { control }),
      folder: usersFolder,
    });
    return {
      exitCode: 0,
      json: { message: words.join(' '), answer },
      text: () => (answer === '' ? 'ok\n' : `${answer}\n`),
      isData: true,
    };
  }
}
