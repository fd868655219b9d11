import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { outputFlags, spareArg } from '../src/cli/flags.js';
import { DUMP_FORMATS, type DumpFormat, renderDump } from '../src/cli/render/dump.js';
import { type OpenDump, openDump, writeDumpFile } from '../src/operations/dump.js';

export default class Dump extends BaseCommand<typeof Dump> {
  static override summary = 'Write out the metadata of a spare in full.';
  static override description =
    'The json format is lossless and is what restore takes. Exits with 0 from a valid copy, else with 4.';
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
    ...outputFlags,
  };

  protected async execute({ args, flags }: Input<typeof Dump>): Promise<CommandResult> {
    const open = await openDump(args.spare, flags.copy);
    for (const warning of open.warnings) this.warn(warning);
    const { dump, exitCode } = open;
    const format = flags.format ?? (flags.output === undefined && !flags.json ? 'text' : 'json');
    if (flags.output === undefined) {
      const json = { document: () => this.content('json', open) };
      return { exitCode, json, text: () => this.content(format, open), isData: true };
    }
    const bytes = await writeDumpFile(flags.output, flags.overwrite, open.device, this.content(format, open));
    return {
      exitCode,
      json: {
        output: flags.output,
        format,
        bytes,
        copy: dump.copy.name,
        valid: dump.valid,
        entries: dump.copy.header.entry_count - dump.missing,
      },
      text: () => `${flags.output}: ${bytes} bytes, the ${dump.copy.name} copy of ${args.spare}\n`,
    };
  }

  /** The device stays open while the dump is taken from it, and no longer. */
  private async *content(format: DumpFormat, open: OpenDump): AsyncGenerator<string | Uint8Array> {
    try {
      yield* renderDump(format, open, this.terminals.stdout);
    } finally {
      await open.close();
    }
  }
}
