import { setTimeout as sleep } from 'node:timers/promises';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult } from '../../../../src/cli/base-command.js';

/** Waits for ever; a signal ends it. */
export default class Wait extends BaseCommand<typeof Wait> {
  static override summary = 'Wait.';
  static override flags = { unused: Flags.boolean() };

  protected async execute(): Promise<CommandResult> {
    process.stderr.write('ready\n');
    await sleep(60_000);
    return { exitCode: 0, json: {}, text: () => '' };
  }
}
