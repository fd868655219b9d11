import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { unixNow } from '../src/cli/clock.js';
import { controlFlag, optionalSpareArg } from '../src/cli/flags.js';
import { jsonPieces } from '../src/cli/render/json.js';
import { statusJson } from '../src/cli/render/status.js';
import { DmremapError } from '../src/errors.js';
import { diagnoseAsCheck } from '../src/operations/full-diagnosis.js';
import { verdictOf } from '../src/operations/info.js';
import { refuseUnknown } from '../src/operations/spare.js';
import { offlineStatus, prometheusText, statusLine, type Status as Told } from '../src/operations/status.js';

type Format = 'line' | 'json' | 'prometheus';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'Print the status line of a spare, or of a server.';
  static override description = 'Exits as check -n; prints nothing where no copy of the metadata is valid.';
  static override args = { spare: optionalSpareArg };
  static override flags = {
    control: controlFlag({ description: 'Ask the server behind this socket.' }),
    format: Flags.option({
      options: ['line', 'json', 'prometheus'] as const,
      default: 'line' as const,
      description: 'How to print it.',
    })(),
  };

  protected async execute({ args, flags }: Input<typeof Status>): Promise<CommandResult> {
    const { spare } = args;
    const { control, format } = flags;
    if ((spare === undefined) === (control === undefined))
      throw new DmremapError('usage', 'a SPARE or --control must be provided, and not both');
    return control === undefined ? this.ofSpare(spare ?? '', format) : this.ofServer(control, format);
  }

  private async ofSpare(spare: string, format: Format): Promise<CommandResult> {
    const diagnosis = await diagnoseAsCheck(spare, unixNow());
    refuseUnknown(spare, diagnosis.problems);
    const status = offlineStatus(diagnosis);
    if (status === undefined) this.warn(`${spare}: no copy of the metadata is valid: dmremap check ${spare}`);
    return printed(spare, status, verdictOf(diagnosis), format);
  }

  private async ofServer(control: string, format: Format): Promise<CommandResult> {
    const { liveStatusBehind } = await import('../src/operations/ctl.js');
    return printed(control, await liveStatusBehind(control), 0, format);
  }
}

function printed(device: string, status: Told | undefined, exitCode: number, format: Format): CommandResult {
  return {
    exitCode,
    json: () => statusJson(status),
    text: () => {
      if (format === 'json')
        return jsonPieces({ command: 'status', exit_code: exitCode, ...statusJson(status) });
      if (status === undefined) return '';
      return format === 'prometheus' ? prometheusText(device, status) : `${statusLine(status)}\n`;
    },
    isData: true,
  };
}
