import { createRequire } from 'node:module';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';
import { countFlag, optionalSectorsArg, sizeFlag, spareArg } from '../../../../src/cli/flags.js';

/** Shows what was parsed, with values that plain JSON would lose. */
export default class Show extends BaseCommand<typeof Show> {
  static override summary = 'Show what was parsed.';
  static override args = { spare: spareArg, sector: optionalSectorsArg };
  static override flags = {
    format: Flags.option({ options: ['text', 'hex'] as const, description: 'How.' })(),
    size: sizeFlag({ description: 'How large.' }),
    count: countFlag({ description: 'How many.', least: 1 }),
    answer: Flags.string({ description: 'What to answer.', multiple: true }),
    on: Flags.boolean({ description: 'Excludes --off.', exclusive: ['off'] }),
    off: Flags.boolean({ description: 'Excludes --on.' }),
    code: countFlag({ description: 'The exit code.' }),
    warn: Flags.string({ description: 'Warn of this.' }),
    loaded: Flags.boolean({ description: 'Name the CommonJS modules that were loaded.' }),
  };

  protected async execute({ args, flags }: Input<typeof Show>): Promise<CommandResult> {
    if (flags.warn !== undefined) {
      this.warn(flags.warn);
    }
    this.detail('a detail');
    const modules = flags.loaded ? Object.keys(createRequire(import.meta.url).cache) : undefined;
    return {
      exitCode: flags.code ?? 0,
      json: {
        exit_code: 99,
        big: 2n ** 64n - 1n,
        nothing: undefined,
        spare: args.spare,
        sectors: (args.sector ?? []).map(({ first, count }) => [first, count]),
        size: flags.size ?? null,
        count: flags.count ?? null,
        answers: flags.answer ?? [],
        ...(modules === undefined ? {} : { modules }),
      },
      text: () => `spare ${args.spare} – shown`,
    };
  }
}
