import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { outputFlags, spareArg } from '../src/cli/flags.js';
import { blockSizeFlag, blockSizeOf } from '../src/cli/list-flags.js';
import { DUMP_FORMATS, type DumpFormat, renderDump } from '../src/cli/render/dump.js';
import { DmremapError } from '../src/errors.js';
import {
  type CopyName,
  dumpExitCode,
  dumpToFile,
  isComplete,
  type OpenDump,
  openDump,
  warningsOf,
} from '../src/operations/dump.js';

type Render = (format: DumpFormat, open: OpenDump) => AsyncGenerator<string | Uint8Array>;

export default class Dump extends BaseCommand<typeof Dump> {
  static override summary = 'Write out the metadata of a spare in full.';
  static override description =
    'The json format is lossless and is what restore takes; badblocks and ddrescue are lists of the remapped ' +
    'sectors of main. Exits with 0 from a valid copy, else with 4.';
  static override args = { spare: spareArg };
  static override flags = {
    format: Flags.option({
      options: DUMP_FORMATS,
      description: 'How to write it: json with -o or --json, else text.',
    })(),
    copy: Flags.option({
      options: ['primary', 'backup'] as const,
      description: 'This copy, instead of the one that counts.',
    })(),
    'block-size': blockSizeFlag({ description: 'The size of a block in the badblocks format.' }),
    ...outputFlags,
  };

  protected async execute({ args, flags }: Input<typeof Dump>): Promise<CommandResult> {
    const format = flags.format ?? (flags.output === undefined && !flags.json ? 'text' : 'json');
    if (flags['block-size'] !== undefined && format !== 'badblocks')
      throw new DmremapError('usage', '--block-size is for --format badblocks');
    const blockSize = blockSizeOf(flags['block-size']);
    const render: Render = (as, open) => renderDump(as, open, this.terminals.stdout, blockSize);
    return flags.output === undefined
      ? this.toStandardOutput(args.spare, flags.copy, format, render)
      : this.toFile(args.spare, flags.copy, format, render, {
          path: flags.output,
          overwrite: flags.overwrite,
        });
  }

  private async toStandardOutput(
    spare: string,
    copy: CopyName | undefined,
    format: DumpFormat,
    render: Render,
  ) {
    const open = await openDump(spare, copy);
    return {
      // asked for when all is printed: what can be read of the table is not known before
      get exitCode() {
        return dumpExitCode(open.dump);
      },
      json: { document: () => this.printed(render('json', open), open, spare) },
      text: () => this.printed(render(format, open), open, spare),
      isData: true,
    };
  }

  /** The device stays open while the dump is taken from it, and no longer. */
  private async *printed(
    dump: AsyncGenerator<string | Uint8Array>,
    open: OpenDump,
    spare: string,
  ): AsyncGenerator<string | Uint8Array> {
    try {
      yield* dump;
    } finally {
      for (const warning of warningsOf(spare, open.dump)) this.warn(warning);
      await open.close();
    }
  }

  private async toFile(
    spare: string,
    copy: CopyName | undefined,
    format: DumpFormat,
    render: Render,
    output: { readonly path: string; readonly overwrite: boolean },
  ): Promise<CommandResult> {
    const { bytes, dump } = await dumpToFile(spare, copy, output, (open) => render(format, open));
    for (const warning of warningsOf(spare, dump)) this.warn(warning);
    return {
      exitCode: dumpExitCode(dump),
      json: {
        output: output.path,
        format,
        bytes,
        copy: dump.copy.name,
        valid: dump.valid,
        complete: isComplete(dump),
        entries: dump.copy.header.entry_count - dump.table.missing,
      },
      text: () => `${output.path}: ${bytes} bytes, the ${dump.copy.name} copy of ${spare}\n`,
    };
  }
}
