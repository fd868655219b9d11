import { BaseCommand, type CommandResult } from '../../../../../src/cli/base-command.js';

/** A command in a group. */
export default class One extends BaseCommand<typeof One> {
  static override summary = 'The first of the group.';

  protected async execute(): Promise<CommandResult> {
    return { exitCode: 0, json: { one: 1 }, text: () => 'one' };
  }
}
