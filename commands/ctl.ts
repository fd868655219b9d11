import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { controlFlag, progressFlag } from '../src/cli/flags.js';
import { DmremapError } from '../src/errors.js';
import { ctl, followMigration, usersFolder } from '../src/operations/ctl.js';

const FOLLOWED = ['migrate', 'migrate-status'];

export default class Ctl extends BaseCommand<typeof Ctl> {
  static override summary = 'Send one message to a running server, and print its answer.';
  static override description =
    'Messages: save, restore [discard], migrate DEVICE, migrate-status, migrate-cancel, attach DEVICE, status, remap SECTOR, unremap SECTOR, clear, verify SECTOR, ping, stop [force].';
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
    follow: Flags.boolean({
      description: 'Show how a migration goes on until it ends; with migrate and migrate-status.',
    }),
    progress: progressFlag,
  };

  protected async execute({ args, flags }: Input<typeof Ctl>): Promise<CommandResult> {
    const { set, control, follow } = flags;
    const words = args.about === undefined ? [args.message] : [args.message, args.about];
    if (follow && !FOLLOWED.includes(args.message))
      throw new DmremapError('usage', `--follow goes with ${FOLLOWED.join(' and ')}`);
    const server = {
      ...(set === undefined ? {} : { set }),
      ...(control === undefined ? {} : { control }),
      folder: usersFolder,
    };
    let answer = await ctl({ ...server, words });
    if (follow) {
      this.note('the migration goes on without this command; ctl migrate-cancel ends it');
      const progress = await this.progress(flags.progress);
      answer = await followMigration(server, (label, done, total) =>
        progress.listener({ label, done, total }),
      );
    }
    return {
      exitCode: 0,
      json: { message: words.join(' '), answer },
      text: () => (answer === '' ? 'ok\n' : `${answer}\n`),
      isData: true,
    };
  }
}
