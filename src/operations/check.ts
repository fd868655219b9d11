import { judge } from '../check/checker.js';
import type { FileDevice } from '../device/file-device.js';
import type { CheckOptions, CheckReport, Examined } from './check-report.js';
import { correct, letChangesStand } from './correct.js';
import { holderOf } from './diagnose.js';
import { diagnoseFully } from './full-diagnosis.js';
import { lastingName } from './lasting-name.js';
import type { MainDevice } from './main-device.js';
import { withDevice } from './open-device.js';
import type { MainAtHand } from './survey.js';

/** Reads one spare, and writes nothing in any mode. */
export function examine(path: string, options: CheckOptions): Promise<Examined> {
  options.signal?.throwIfAborted();
  return withDevice(path, 'read', async (device) => {
    const warnings = await relationToMain(device, options.main);
    const { main } = options;
    const found = await diagnoseFully(device, {
      ...options,
      holder: holderOf(device),
      mainAtHand: main === undefined ? undefined : mainAtHand(main, options.logged),
    });
    return {
      device: path,
      key: device.key,
      lastingName: lastingName(path, device, found.survey.choice.chosen?.header),
      found,
      warnings,
    };
  });
}

/** @param logged as MainAtHand */
export function mainAtHand({ path }: MainDevice, logged: readonly number[] = []): MainAtHand {
  return { open: (work) => withDevice(path, 'read', work), logged };
}

async function relationToMain(spare: FileDevice, main: MainDevice | undefined): Promise<readonly string[]> {
  if (main === undefined) return [];
  const { judgeRelation } = await import('./main-relation.js');
  const warning = judgeRelation(spare, main);
  return warning === undefined ? [] : [warning];
}

/**
 * In the modes preen and yes, corrects all that the mode allows or nothing (cli.md). Nothing is opened for
 * writing where the reading has shown nothing to correct.
 */
export async function settle(examined: Examined, options: CheckOptions): Promise<CheckReport> {
  const { device: path, found } = examined;
  if (options.mode !== 'read') await letChangesStand(path, found, options);
  const verdict = judge(found.problems, options.mode);
  if (verdict.correctable.length === 0)
    return {
      ...examined,
      now: found,
      corrected: [],
      done: [],
      remaining: verdict.remaining,
      exitCode: verdict.exitCode,
    };
  options.signal?.throwIfAborted();
  return withDevice(path, 'exclusive', (device) => correct(examined, device, options));
}
