import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../src/cli/exit-codes.js';
import { acceptMainFlag, mainFlag, spareArg } from '../src/cli/flags.js';
import { TABLE_FORMATS, tableJson, tableText } from '../src/cli/render/dm-table.js';
import { DmremapError } from '../src/errors.js';
import { makeTable } from '../src/operations/table.js';

export default class Table extends BaseCommand<typeof Table> {
  static override summary = 'Print the device-mapper table of the remapped device.';
  static override description =
    'The linear table needs no third-party module. The table holds device numbers: make it anew each time.';
  static override args = { spare: spareArg };
  static override flags = {
    main: mainFlag,
    'accept-main': acceptMainFlag,
    target: Flags.option({
      options: ['linear', 'remap'] as const,
      default: 'linear' as const,
      description: 'linear, or the dm-remap module with the messages that load the remaps.',
    })(),
    format: Flags.option({
      options: TABLE_FORMATS,
      default: 'table' as const,
      description: 'Lines for dmsetup, shell commands, or the one-line form.',
    })(),
    'read-only': Flags.boolean({ description: 'Make the mapped device read-only.' }),
  };

  protected async execute({ args, flags }: Input<typeof Table>): Promise<CommandResult> {
    if (flags.target === 'remap' && flags.format === 'concise')
      throw new DmremapError(
        'usage',
        '--format concise has no place for the messages that load the remaps into the dm-remap module',
        { hint: 'use --format command, or --target linear, whose table holds the remaps' },
      );
    const table = await makeTable(args.spare, {
      main: flags.main,
      acceptMain: flags['accept-main'],
      target: flags.target,
      readOnly: Boolean(flags['read-only']),
    });
    if (table === undefined)
      this.warn(`${args.spare}: no table while its problems stand: dmremap check ${args.spare}`);
    for (const warning of table?.warnings ?? []) this.warn(warning);
    return {
      exitCode: table === undefined ? EXIT_PROBLEMS : EXIT_OK,
      json: () => tableJson(table),
      text: () => (table === undefined ? '' : tableText(table, flags.format)),
      isData: true,
    };
  }
}
