import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../src/cli/exit-codes.js';
import { spareArg } from '../src/cli/flags.js';
import { bootJson, bootText } from '../src/cli/render/unit.js';
import { BOOT_FORMATS, makeBootFiles, TARGETS } from '../src/operations/unit.js';

export default class Unit extends BaseCommand<typeof Unit> {
  static override summary = 'Print the files that build the remapped device at boot.';
  static override description =
    'They check the set as fsck does, then make the device; they name it by its identity alone. systemd: the unit itself. The others: a shell script that puts the files in their places, below the folder that it is given.';
  static override args = { spare: spareArg };
  static override flags = {
    for: Flags.option({
      options: TARGETS,
      required: true,
      description: 'A device-mapper table, or a server and the nbd client of the kernel.',
    })(),
    format: Flags.option({ options: BOOT_FORMATS, required: true, description: 'Who reads the files.' })(),
  };

  protected async execute({ args, flags }: Input<typeof Unit>): Promise<CommandResult> {
    const files = await makeBootFiles(args.spare, flags.for, flags.format);
    if (files === undefined)
      this.warn(`${args.spare}: no copy of the metadata is valid: dmremap check ${args.spare}`);
    return {
      exitCode: files === undefined ? EXIT_PROBLEMS : EXIT_OK,
      json: () => bootJson(files),
      text: () => (files === undefined ? '' : bootText(files)),
      isData: true,
    };
  }
}
