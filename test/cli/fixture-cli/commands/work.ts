import { setTimeout as sleep } from 'node:timers/promises';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';

/** Works in steps and stops between two of them when it is asked to. */
export default class Work extends BaseCommand<typeof Work> {
  static override summary = 'Work.';
  static override onSignal = 'abort' as const;
  static override flags = {
    finish: Flags.boolean({ description: 'Finish nevertheless.' }),
    abortable: Flags.boolean({ description: 'Leave it to an API that takes an AbortSignal.' }),
  };

  protected async execute({ flags }: Input<typeof Work>): Promise<CommandResult> {
    process.stderr.write('ready\n');
    if (flags.abortable) {
      await sleep(60_000, undefined, { signal: this.signal });
    }
    while (!this.signal.aborted) {
      await sleep(5);
    }
    process.stderr.write('step done\n');
    if (!flags.finish) {
      this.signal.throwIfAborted();
    }
    return { exitCode: 0, json: { finished: true }, text: () => 'finished' };
  }
}
