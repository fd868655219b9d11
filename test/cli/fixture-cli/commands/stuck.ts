import { open } from 'node:fs';
import * as Args from '@oclif/core/args';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';

/** Has a result while a request to a device is stuck: a FIFO that nobody writes to. */
export default class Stuck extends BaseCommand<typeof Stuck> {
  static override summary = 'Leave a request behind.';
  static override args = { fifo: Args.string({ required: true }) };

  protected async execute({ args }: Input<typeof Stuck>): Promise<CommandResult> {
    open(args.fifo, 'r', () => {});
    return { exitCode: 4, json: {}, text: () => 'done' };
  }
}
