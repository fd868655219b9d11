import { setTimeout as sleep } from 'node:timers/promises';
import { BaseCommand, type CommandResult } from '../../../../src/cli/base-command.js';

/** Reads, then corrects what must not be left half done, then reads again. */
export default class Correct extends BaseCommand<typeof Correct> {
  static override summary = 'Correct.';

  protected async execute(): Promise<CommandResult> {
    await this.uninterrupted(async () => {
      process.stderr.write('ready\n');
      while (!this.signal.aborted) await sleep(5);
      process.stderr.write('corrected\n');
    });
    process.kill(process.pid, 'SIGTERM');
    await sleep(60_000);
    return { exitCode: 0, json: {}, text: () => '' };
  }
}
