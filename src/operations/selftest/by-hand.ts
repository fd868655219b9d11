import type { SectorRange } from '../../exchange/quantities.js';
import { loadChoice } from '../../store/load-choice.js';
import { sectors } from '../../units.js';
import { NO_IDENTITY } from '../main-device.js';
import { remapSectors } from '../remap.js';
import { unremapSectors } from '../unremap.js';
import { command, options } from './changes.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** What moves data between main and spare, as it is typed with --yes. */

/** Some that have an entry, with the sector before each. */
export function remap(): Work {
  return command(async (stage) => {
    const ranges = (await someRemapped(stage)).map(({ first }) => ({
      first: sectors(Math.max(0, first - 1)),
      count: sectors(2),
    }));
    await remapSectors(stage.path, {
      ...options(stage),
      main: stage.main,
      acceptMain: NO_IDENTITY,
      named: { ranges, offset: 0 },
      lost: 'fail',
      dryRun: false,
    });
  });
}

export function unremap(): Work {
  return command(async (stage) => {
    const ranges = await someRemapped(stage);
    await unremapSectors(stage.path, {
      ...options(stage),
      main: stage.main,
      acceptMain: NO_IDENTITY,
      ranges,
    });
  });
}

export function unremapAll(): Work {
  return command(async (stage) => {
    await unremapSectors(stage.path, {
      ...options(stage),
      main: stage.main,
      acceptMain: NO_IDENTITY,
      ranges: 'all',
    });
  });
}

async function someRemapped({ device, dice }: Stage): Promise<SectorRange[]> {
  const { table } = await loadChoice(device);
  const mains = Array.from(table?.live() ?? [], (slot) => table?.mainSector(slot) ?? 0);
  const first = dice.below(Math.max(1, mains.length - 3));
  return mains.slice(first, first + 3).map((main) => ({ first: sectors(main), count: sectors(1) }));
}
