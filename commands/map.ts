import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../src/cli/base-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../src/cli/exit-codes.js';
import { spareArg } from '../src/cli/flags.js';
import { mapJson, mapText } from '../src/cli/render/map.js';
import { mapSvg } from '../src/cli/render/svg.js';
import { readMap, type SpareMap, writePicture } from '../src/operations/map.js';

const WIDTHS = { min: 20, max: 400 } as const;

export default class RemapMap extends BaseCommand<typeof RemapMap> {
  static override summary = 'Show where on main the remapped sectors lie, and how full the spare is.';
  static override description = 'Exits with 0 from a valid copy, else with 4.';
  static override args = { spare: spareArg };
  static override flags = {
    svg: Flags.string({
      description: 'Write the picture to this file, for browsers and print.',
      helpValue: 'FILE',
    }),
    overwrite: Flags.boolean({ description: 'Replace the file if it exists.', dependsOn: ['svg'] }),
    width: Flags.integer({
      ...WIDTHS,
      description: `Columns of the picture, ${WIDTHS.min} to ${WIDTHS.max}; those of the terminal where it is left out.`,
      helpValue: 'N',
    }),
  };

  protected async execute({ args, flags }: Input<typeof RemapMap>): Promise<CommandResult> {
    const map = await readMap(args.spare);
    if (map === undefined)
      this.warn(
        `${args.spare}: no copy of the metadata is valid, so there is no picture: dmremap check ${args.spare}`,
      );
    else this.#warnOf(args.spare, map);
    const width = flags.width ?? this.terminals.stdout.width;
    const exitCode = map === undefined ? EXIT_PROBLEMS : EXIT_OK;
    if (map === undefined || flags.svg === undefined)
      return {
        exitCode,
        json: () => mapJson(map, width),
        text: (terminal) => (map === undefined ? '' : mapText(map, { ...terminal, width })),
      };
    const output = flags.svg;
    const bytes = await writePicture(output, map, flags.overwrite, mapSvg(map));
    return {
      exitCode,
      json: () => ({ ...mapJson(map, width), output, bytes }),
      text: () => `${output}: ${bytes} bytes, the picture of ${args.spare}\n`,
    };
  }

  #warnOf(spare: string, { beyond, repeated }: SpareMap): void {
    if (beyond + repeated > 0)
      this.warn(
        `${spare}: ${beyond} entries are for sectors that main does not have, ${repeated} for sectors that have another one: dmremap check ${spare}`,
      );
  }
}
