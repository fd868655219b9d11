import { DmremapError } from '../../errors.js';
import type { Wish } from '../../migrate/course.js';
import { loadChoice } from '../../store/load-choice.js';
import { type MigrateOptions, migrateSpare } from '../migrate/migrate.js';
import { command, options } from './changes.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** What moves a set from one spare to another, as it is typed with --yes. */

export function migrate(wish: Wish = 'start'): Work {
  return command((stage) => move(stage, wish));
}

/** One that was stopped in the midst of its data. */
export async function begun(stage: Stage): Promise<void> {
  const stop = new AbortController();
  const progress = (_label: string, done: number) => {
    if (done > 0) stop.abort(new DmremapError('cancelled', 'enough'));
  };
  await move(stage, 'start', { signal: stop.signal, progress }).catch((error: unknown) => {
    if (!(error instanceof DmremapError) || error.code !== 'cancelled') throw error;
  });
}

export function moved(stage: Stage): Promise<void> {
  return move(stage, 'start');
}

/** The cursor is saved a few times on the way. */
async function move(stage: Stage, wish: Wish, more: Partial<MigrateOptions> = {}): Promise<void> {
  const { table } = await loadChoice(stage.device);
  const result = await migrateSpare(stage.path, stage.target, {
    ...options(stage),
    wish,
    lost: 'fail',
    abandonSource: false,
    force: false,
    discardRemaps: undefined,
    save: { sectors: Math.ceil(((table?.count ?? 0) + 1) / 3), milliseconds: 0 },
    ...more,
  }).catch((error: unknown) => {
    throw ofTheSet(error);
  });
  if (result.outcome === 'source not written') throw ofTheSet(result.carried?.sourceFailure);
}

/** What a failure says of one device is not said of the set. */
function ofTheSet(error: unknown): unknown {
  if (error instanceof DmremapError) return new DmremapError(error.code, error.message, { cause: error });
  return error ?? new DmremapError('io', 'the source could not be retired');
}
