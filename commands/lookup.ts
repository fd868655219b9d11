import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../src/cli/exit-codes.js';
import { sectorsArg, spareArg } from '../src/cli/flags.js';
import { hasRepeats, type LookupRun, lookup } from '../src/operations/lookup.js';

export default class Lookup extends BaseCommand<typeof Lookup> {
  static override summary = 'Say where sectors of main live.';
  static override args = { spare: spareArg, sector: sectorsArg };
  static override flags = {
    require: Flags.boolean({ description: 'Exit with 4 if one of the sectors is not remapped.' }),
  };

  protected async execute({ args, flags }: Input<typeof Lookup>): Promise<CommandResult> {
    const result = await lookup(args.spare, args.sector);
    if (!result.valid) this.warn(`${args.spare}: no copy of the metadata is valid, so nothing is known`);
    if (hasRepeats(result.runs))
      this.warn(
        `${args.spare}: a sector has several entries, and which one counts is unknown: dmremap check ${args.spare}`,
      );
    const failed = !result.valid || (flags.require && !result.allRemapped);
    return {
      exitCode: failed ? EXIT_PROBLEMS : EXIT_OK,
      json: { valid: result.valid, runs: result.runs.map((run) => ({ ...run })) },
      text: () => result.runs.map(runText).join(''),
      isData: true,
    };
  }
}

function runText({ main_sector, count, spare_sector }: LookupRun): string {
  const range = (first: bigint) => (count === 1n ? `${first}` : `${first}-${first + count - 1n}`);
  return `${range(main_sector)} ${spare_sector === null ? 'not remapped' : `-> ${range(spare_sector)}`}\n`;
}
