import * as Flags from '@oclif/core/flags';
import type { CommandResult, Input } from '../src/cli/base-command.js';
import { ChangeCommand, changeJson } from '../src/cli/change-command.js';
import {
  changeFlags,
  deviceFlag,
  discardRemapsFlag,
  entriesFlag,
  entriesFor,
  forceFlag,
  LAYOUT_MEANING,
  LAYOUTS,
  sizeFlag,
  spareArg,
  spareStartFlag,
  spareStartOf,
} from '../src/cli/flags.js';
import { createText } from '../src/cli/render/create.js';
import { DmremapError } from '../src/errors.js';
import { createSpare } from '../src/operations/create.js';
import { type Bytes, bytesToSectors, SECTOR_SIZE, type Sectors } from '../src/units.js';

export default class Create extends ChangeCommand<typeof Create> {
  static override summary = 'Make fresh metadata on a spare.';
  static override description =
    'Refuses a spare that holds live remaps, or content of somebody else that it knows, and names it.';
  static override args = { spare: spareArg };
  static override flags = {
    main: deviceFlag({ description: 'The main device that this spare is for.', helpValue: 'MAIN' }),
    'main-size': sizeFlag({ description: 'The size of a main that is not attached.', exclusive: ['main'] }),
    entries: entriesFlag,
    layout: Flags.option({
      options: LAYOUTS,
      default: 'redundant' as const,
      description: LAYOUT_MEANING,
    })(),
    'spare-start': spareStartFlag,
    force: forceFlag,
    'discard-remaps': discardRemapsFlag,
    ...changeFlags,
  };

  protected async execute({ args, flags }: Input<typeof Create>): Promise<CommandResult> {
    const size = flags['main-size'];
    const result = await createSpare(args.spare, {
      ...(await this.changeOptions(flags)),
      main: flags.main === undefined ? { size: mainSectors(size) } : { path: flags.main },
      entries: entriesFor(flags.layout, flags.entries),
      layout: flags.layout,
      spareStart: spareStartOf(flags.layout, flags['spare-start']),
      force: flags.force,
      discardRemaps: flags['discard-remaps'],
    });
    this.report(result);
    return {
      exitCode: 0,
      json: () => ({
        ...changeJson(result),
        layout: result.layout,
        max_entries: result.maxEntries,
        data_sectors: result.dataSectors,
        main_device_size: result.mainSize,
        main_id: result.mainId,
        set_uuid: result.setUuid ?? null,
        spare_uuid: result.spareUuid ?? null,
      }),
      text: () => createText(result),
    };
  }
}

/** The size of a main that is not attached; without one there is nothing to make a set for. */
function mainSectors(size: Bytes | undefined): Sectors {
  if (size === undefined)
    throw new DmremapError('usage', 'name main with --main, or its size with --main-size');
  if (size === 0 || size % SECTOR_SIZE !== 0)
    throw new DmremapError('usage', `--main-size: ${size} bytes are not a number of sectors of 512 bytes`);
  return bytesToSectors(size);
}
