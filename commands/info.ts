import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { unixNow } from '../src/cli/clock.js';
import { moduleFlag, spareArg } from '../src/cli/flags.js';
import { infoJson, infoText } from '../src/cli/render/info.js';
import { readInfo, verdictOf } from '../src/operations/info.js';

export default class Info extends BaseCommand<typeof Info> {
  static override summary = 'Show what the metadata of a spare says.';
  static override description =
    'Both copies decoded side by side, which one counts and why. Exits as check -n.';
  static override args = { spare: spareArg };
  static override flags = { module: moduleFlag };

  protected async execute({ args, flags }: Input<typeof Info>): Promise<CommandResult> {
    const info = await readInfo(args.spare, { module: flags.module, now: unixNow() });
    return {
      exitCode: verdictOf(info.diagnosis),
      json: () => infoJson(info),
      text: (terminal) => infoText(info, terminal, flags.verbose),
    };
  }
}
