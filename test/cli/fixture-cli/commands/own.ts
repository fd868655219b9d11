import { once } from 'node:events';
import { BaseCommand, type CommandResult } from '../../../../src/cli/base-command.js';

/** Listens to signals itself, as a server does: SIGTERM is its normal end. */
export default class Own extends BaseCommand<typeof Own> {
  static override summary = 'Serve.';
  static override onSignal = 'own' as const;

  protected async execute(): Promise<CommandResult> {
    const alive = setInterval(() => {}, 1000);
    const stopped = once(process, 'SIGTERM');
    process.stderr.write('ready\n');
    await stopped;
    clearInterval(alive);
    return { exitCode: 0, json: { stopped: true }, text: () => 'stopped' };
  }
}
