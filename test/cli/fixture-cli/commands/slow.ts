import { setTimeout as sleep } from 'node:timers/promises';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';
import { progressFlag } from '../../../../src/cli/flags.js';

/** Shows progress and warns in the middle of it. */
export default class Slow extends BaseCommand<typeof Slow> {
  static override summary = 'Take a while.';
  static override flags = { progress: progressFlag };

  protected async execute({ flags }: Input<typeof Slow>): Promise<CommandResult> {
    const progress = await this.progress(flags.progress);
    progress.start('reading', 12 * 1024 * 1024);
    for (let step = 0; step < 12; step++) {
      await sleep(100);
      progress.advance(1024 * 1024);
      if (step === 6) {
        this.warn('in the middle');
      }
    }
    return { exitCode: 0, json: {}, text: () => 'read' };
  }
}
