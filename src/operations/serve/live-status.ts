import { STATE } from '../../format/header.js';
import type { MigrationFacts } from '../../serve/live-migration.js';
import type { SetFacts } from '../../serve/remap-set.js';
import { type MigrationStatus, NEARLY_FULL, type Status } from '../status.js';

/** The status of a set that is served (cli.md, “Serving”). */
export function liveStatus(facts: SetFacts, scanPercent: number): Status {
  const { header, remapped, lost_remaps, failure, isDirty, migration } = facts;
  return {
    start: 0,
    length: header.main_device_size,
    remapped,
    lost: BigInt(lost_remaps),
    used: remapped,
    capacity: header.max_entries,
    health: healthOf(facts),
    write_errors: BigInt(facts.write_errors),
    read_errors: BigInt(facts.read_errors),
    auto_remaps: BigInt(facts.auto_remaps),
    manual_remaps: BigInt(facts.manual_remaps),
    scan_percent: scanPercent,
    persist: failure !== undefined ? 'failed' : isDirty ? 'dirty' : 'enabled',
    last_save: header.last_update_time,
    ...(migration?.isUnderWay === true ? { migration: progressOf(migration) } : {}),
  };
}

function progressOf({ phase, done, total }: MigrationFacts): MigrationStatus {
  return { phase, percent: total === 0 ? 100 : Math.floor((100 * done) / total) };
}

function healthOf({
  header,
  remapped,
  freeSectors,
  isWhole,
  pending,
  unplaced,
  failure,
  migration,
}: SetFacts): 1 | 2 | 3 {
  const { max_entries, state } = header;
  const isFull = remapped >= max_entries || freeSectors === 0;
  // a copy that cannot be written, and what could not be remapped, are the end of a spare (cli.md)
  const isLame = !isWhole || failure !== undefined || unplaced > 0 || migration?.phase === 'held';
  if (isFull || isLame || state === STATE.error) return 3;
  return remapped >= NEARLY_FULL * max_entries || pending > 0 ? 2 : 1;
}
