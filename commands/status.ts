import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { unixNow } from '../src/cli/clock.js';
import { spareArg } from '../src/cli/flags.js';
import { jsonPieces } from '../src/cli/render/json.js';
import { statusJson } from '../src/cli/render/status.js';
import { diagnoseAsCheck } from '../src/operations/full-diagnosis.js';
import { verdictOf } from '../src/operations/info.js';
import { refuseUnknown } from '../src/operations/spare.js';
import { offlineStatus, prometheusText, statusLine } from '../src/operations/status.js';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'Print the status line of a spare.';
  static override description = 'Exits as check -n; prints nothing where no copy of the metadata is valid.';
  static override args = { spare: spareArg };
  static override flags = {
    format: Flags.option({
      options: ['line', 'json', 'prometheus'] as const,
      default: 'line' as const,
      description: 'How to print it.',
    })(),
  };

  protected async execute({ args, flags }: Input<typeof Status>): Promise<CommandResult> {
    const diagnosis = await diagnoseAsCheck(args.spare, unixNow());
    refuseUnknown(args.spare, diagnosis.problems);
    const status = offlineStatus(diagnosis);
    if (status === undefined)
      this.warn(`${args.spare}: no copy of the metadata is valid: dmremap check ${args.spare}`);
    const exitCode = verdictOf(diagnosis);
    return {
      exitCode,
      json: () => statusJson(status),
      text: () => {
        if (flags.format === 'json')
          return jsonPieces({ command: 'status', exit_code: exitCode, ...statusJson(status) });
        if (status === undefined) return '';
        return flags.format === 'prometheus' ? prometheusText(args.spare, status) : `${statusLine(status)}\n`;
      },
      isData: true,
    };
  }
}
