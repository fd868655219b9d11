import * as Args from '@oclif/core/args';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { explainJson, explainText } from '../src/cli/render/explain.js';
import { explain } from '../src/operations/explain.js';

export default class Explain extends BaseCommand<typeof Explain> {
  static override summary = 'Say what a problem means and what fixes it.';
  static override description =
    'Without an argument: all problems, a line each. `format`: the format reference.';
  static override args = {
    topic: Args.string({ description: 'A problem id, or format.' }),
  };

  protected async execute({ args }: Input<typeof Explain>): Promise<CommandResult> {
    const answer = explain(args.topic);
    return {
      exitCode: 0,
      json: () => explainJson(answer),
      text: (terminal) => explainText(answer, terminal),
    };
  }
}
