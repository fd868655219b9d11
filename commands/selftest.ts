import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { countFlag, deviceFlag, progressFlag } from '../src/cli/flags.js';
import { selftestJson, selftestText } from '../src/cli/render/selftest.js';
import { DmremapError } from '../src/errors.js';
import { selftest } from '../src/operations/selftest.js';

export default class Selftest extends BaseCommand<typeof Selftest> {
  static override summary = 'Prove that no power cut loses metadata.';
  static override description =
    'Every operation that changes metadata is done on scratch copies in memory; the power is cut at every flush, with any part of what was not flushed lost, and each state recovered. Nothing is written.';
  static override flags = {
    crash: Flags.boolean({ required: true, description: 'Try power cuts.' }),
    image: deviceFlag({ description: 'Try them on a copy of this spare, not on sets made for it.' }),
    seed: countFlag({ description: 'Begin from this seed: it repeats a run.', default: 1 }),
    states: countFlag({ description: 'States to try of each operation.', default: 200, least: 1 }),
    progress: progressFlag,
  };

  protected async execute({ flags }: Input<typeof Selftest>): Promise<CommandResult> {
    if (!flags.crash) throw new DmremapError('usage', 'there is one test: --crash');
    const { image, seed, states } = flags;
    const progress = await this.progress(flags.progress);
    const result = await selftest({ image, seed, states, signal: this.signal, progress: progress.listener });
    const line = `dmremap selftest --crash --seed ${seed} --states ${states}`;
    const again = image === undefined ? line : `${line} --image ${image}`;
    return {
      exitCode: result.exitCode,
      json: () => selftestJson(result, seed),
      text: (terminal) => selftestText(result, again, terminal),
    };
  }
}
