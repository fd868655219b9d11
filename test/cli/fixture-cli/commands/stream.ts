import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';
import { countFlag } from '../../../../src/cli/flags.js';

const LINE = `${'x'.repeat(79)}\n`;

/** Prints many lines, with a verdict that a closed pipe must not change. */
export default class Stream extends BaseCommand<typeof Stream> {
  static override summary = 'Print many lines.';
  static override flags = {
    lines: countFlag({ description: 'How many.', default: 10 }),
    'fail-at': countFlag({ description: 'Throw before this line.' }),
  };

  protected async execute({ flags }: Input<typeof Stream>): Promise<CommandResult> {
    const rows = Array.from({ length: Math.min(flags.lines, 50_000) }, (_, row) => ({
      row,
      text: 'x'.repeat(60),
    }));
    return { exitCode: 4, json: { rows }, text: () => lines(flags.lines, flags['fail-at'] ?? -1) };
  }
}

async function* lines(count: number, failAt: number): AsyncGenerator<string> {
  let largest = 0;
  try {
    for (let line = 0; line < count; line++) {
      if (line === failAt) {
        throw new Error('the source broke');
      }
      yield LINE;
      largest = Math.max(largest, process.stdout.writableLength);
    }
  } finally {
    // Says how far it came and what piled up in memory.
    process.stderr.write(`largest=${largest}\n`);
  }
}
