import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';
import { yesFlag } from '../../../../src/cli/flags.js';

/** Asks one question. */
export default class Ask extends BaseCommand<typeof Ask> {
  static override summary = 'Ask.';
  static override onSignal = 'abort' as const;
  static override flags = {
    kind: Flags.option({
      options: ['confirm', 'ask', 'type', 'choose'] as const,
      default: 'confirm' as const,
    })(),
    yes: yesFlag,
  };

  protected async execute({ flags }: Input<typeof Ask>): Promise<CommandResult> {
    const prompts = await this.prompts(flags.yes);
    let answer: string;
    switch (flags.kind) {
      case 'ask':
        answer = String(await prompts.ask('Shall it be done?'));
        break;
      case 'type':
        await prompts.typeToConfirm('Type sdz to overwrite it:', 'sdz');
        answer = 'typed';
        break;
      case 'choose':
        answer = await prompts.choose('Which one?', [
          { name: 'the first', value: 'first', description: 'keeps everything' },
          { name: 'the second', value: 'second' },
        ]);
        break;
      default:
        await prompts.confirm('Shall it be done?');
        answer = 'confirmed';
    }
    return { exitCode: 0, json: { answer }, text: () => `answer: ${answer}` };
  }
}
