import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../src/cli/exit-codes.js';
import { acceptMainFlag, mainFlag, sectorsArg, spareArg } from '../src/cli/flags.js';
import { lookupJson, lookupText } from '../src/cli/render/lookup.js';
import { hasRepeats, lookup } from '../src/operations/lookup.js';

export default class Lookup extends BaseCommand<typeof Lookup> {
  static override summary = 'Say where sectors of main live.';
  static override args = { spare: spareArg, sector: sectorsArg };
  static override flags = {
    require: Flags.boolean({ description: 'Exit with 4 if one of the sectors is not remapped.' }),
    files: Flags.boolean({
      description: 'Say which files the remapped ones belong to; main must not be mounted.',
    }),
    main: { ...mainFlag, dependsOn: ['files'] },
    'accept-main': { ...acceptMainFlag, dependsOn: ['files'] },
  };

  protected async execute({ args, flags }: Input<typeof Lookup>): Promise<CommandResult> {
    const files = { main: flags.main, acceptMain: flags['accept-main'] };
    const result = await lookup(args.spare, args.sector, flags.files ? { files } : {});
    for (const warning of result.owners?.warnings ?? []) this.warn(warning);
    if (!result.valid)
      this.warn(
        `${args.spare}: no copy of the metadata is valid, so nothing is known: dmremap check ${args.spare}`,
      );
    if (hasRepeats(result.runs))
      this.warn(
        `${args.spare}: a sector has several entries, and which one counts is unknown: dmremap check ${args.spare}`,
      );
    const failed = !result.valid || (flags.require && !result.allRemapped);
    return {
      exitCode: failed ? EXIT_PROBLEMS : EXIT_OK,
      json: () => lookupJson(result),
      text: () => lookupText(result),
      isData: true,
    };
  }
}
