import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand } from '../src/cli/change-command.js';
import {
  acceptMainFlag,
  capacityFlag,
  changeFlags,
  deviceArg,
  discardRemapsFlag,
  forceFlag,
  mainFlag,
  progressFlag,
} from '../src/cli/flags.js';
import { migrateExitCode, migrateJson, migrateNotes, migrateText } from '../src/cli/render/migrate.js';
import { migrateSpare } from '../src/operations/migrate/migrate.js';

export default class Migrate extends ChangeCommand<typeof Migrate> {
  static override summary = 'Move all remaps and their data to a new spare.';
  static override description =
    'FROM stays the active spare until everything is on TO and was compared; then TO takes over and FROM is ' +
    'retired. TO is empty, or the target of this very migration that was interrupted. A migration is taken back ' +
    'by --rollback alone.';
  static override args = {
    from: deviceArg({ required: true, description: 'The spare that the set lives on.' }),
    to: deviceArg({ required: true, description: 'The spare that it is to live on.' }),
  };
  static override flags = {
    main: mainFlag,
    'accept-main': acceptMainFlag,
    entries: capacityFlag({
      description: 'Capacity of the new spare; that of FROM unless told.',
      exclusive: ['resume'],
    }),
    lost: Flags.option({
      options: ['fail', 'zero'] as const,
      default: 'fail' as const,
      description: 'Sectors of FROM that cannot be read: end there, or go on with zeros in their place.',
    })(),
    'lost-map': Flags.string({
      description: 'List those in this file, a ddrescue mapfile; beside the undo files unless told.',
      helpValue: 'FILE',
    }),
    resume: Flags.boolean({ description: 'Go on with a migration that was interrupted.' }),
    rollback: Flags.boolean({
      description: 'Give up one that has not ended, or move the set back from TO to FROM.',
      exclusive: ['resume'],
    }),
    'abandon-source': Flags.boolean({
      description: 'Let TO take over although FROM cannot be written; FROM must never be attached again.',
    }),
    force: forceFlag,
    'discard-remaps': discardRemapsFlag,
    progress: progressFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Migrate>): Promise<CommandResult> {
    const progress = await this.progress(flags.progress);
    const result = await migrateSpare(args.from, args.to, {
      ...(await this.changeOptions(flags)),
      wish: flags.resume ? 'resume' : flags.rollback ? 'rollback' : 'start',
      main: flags.main,
      acceptMain: flags['accept-main'],
      entries: flags.entries,
      lost: flags.lost,
      lostMap: flags['lost-map'],
      abandonSource: flags['abandon-source'],
      force: flags.force,
      discardRemaps: flags['discard-remaps'],
      signal: this.signal,
      progress: (label, done, total) => progress.listener({ label, done, total, unit: 'bytes' }),
    });
    progress.done();
    this.report(result);
    for (const note of migrateNotes(result)) this.note(note);
    return {
      exitCode: migrateExitCode(result),
      json: () => migrateJson(result),
      text: () => migrateText(result),
    };
  }
}
