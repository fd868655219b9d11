import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand, changeJson } from '../src/cli/change-command.js';
import { changeFlags, spareArg } from '../src/cli/flags.js';
import { restoreSpare } from '../src/operations/restore.js';
import { differencesJson } from '../src/operations/restore-guess.js';

export default class Restore extends ChangeCommand<typeof Restore> {
  static override summary = 'Write the metadata of a dump back onto the spare it was taken from.';
  static override args = { spare: spareArg };
  static override flags = {
    input: Flags.string({
      required: true,
      description: 'A json dump; - for standard input.',
      helpValue: 'FILE',
    }),
    'same-device': Flags.boolean({
      description: 'The dump was taken from this device, although nothing tells.',
    }),
    'accept-guess': Flags.boolean({
      description: 'Restore a dump of another generation, or one of a damaged copy.',
    }),
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Restore>): Promise<CommandResult> {
    const result = await restoreSpare(args.spare, {
      ...(await this.changeOptions(flags)),
      input: flags.input,
      sameDevice: flags['same-device'],
      acceptGuess: flags['accept-guess'],
    });
    this.report(result);
    return {
      exitCode: 0,
      json: () => ({
        ...changeJson(result),
        entries: result.entries,
        generation: result.generation,
        guess: result.guess.reasons,
        changed_entries: differencesJson(result.guess.differences),
      }),
      text: () =>
        result.applied ? `${args.spare}: ${result.entries} entries, generation ${result.generation}\n` : '',
    };
  }
}
