import { hasExtension, STATE } from '../format/header.js';
import type { Copy } from '../store/copy.js';
import type { Diagnosis } from './diagnose.js';
import { legible } from './spare.js';

/** The fields of the status line of cli.md, in its order. */
export interface Status {
  readonly start: number;
  /** Of the remapped device, in sectors. */
  readonly length: bigint;
  readonly remapped: number;
  readonly lost: bigint;
  readonly used: number;
  readonly capacity: number;
  readonly health: 1 | 2 | 3;
  readonly write_errors: bigint;
  readonly read_errors: bigint;
  readonly auto_remaps: bigint;
  readonly manual_remaps: bigint;
  readonly scan_percent: number;
  readonly persist: 'enabled' | 'dirty' | 'failed';
  /** Unix seconds. */
  readonly last_save: bigint;
  /** Only while the set moves to another spare. */
  readonly migration?: MigrationStatus;
}

/** Of what is done in this phase, how many percent are. */
export type MigrationStatus = { readonly phase: string; readonly percent: number };

/** From this share of its capacity on a set is nearly full. */
export const NEARLY_FULL = 0.9;

/** The status of a spare that no server holds; undefined where no copy is valid. */
export function offlineStatus(diagnosis: Diagnosis): Status | undefined {
  const chosen = legible(diagnosis)?.chosen;
  if (chosen === undefined) return undefined;
  const { header } = chosen;
  const counters = hasExtension(header)
    ? header
    : { lost_remaps: 0n, write_errors: 0n, read_errors: 0n, auto_remaps: 0n, manual_remaps: 0n };
  return {
    start: 0,
    length: header.main_device_size,
    remapped: header.entry_count,
    lost: counters.lost_remaps,
    used: header.entry_count,
    capacity: header.max_entries,
    health: healthOf(diagnosis, chosen),
    write_errors: counters.write_errors,
    read_errors: counters.read_errors,
    auto_remaps: counters.auto_remaps,
    manual_remaps: counters.manual_remaps,
    scan_percent: 0,
    persist: 'enabled',
    last_save: header.last_update_time,
  };
}

/** 1 good, 2 warning, 3 failing, by the definition of cli.md; what waits for a person is the exit code's to say. */
function healthOf({ problems }: Diagnosis, { header }: Copy): 1 | 2 | 3 {
  const { entry_count, max_entries, state } = header;
  // a program that met errors which it could not remap leaves the set in this state
  if (entry_count >= max_entries || state === STATE.error) return 3;
  const lame = problems.some(
    ({ id, row }) => id.startsWith('copy-') || (id.startsWith('module-') && row.severity === 'problem'),
  );
  return lame || entry_count >= NEARLY_FULL * max_entries ? 2 : 1;
}

/** The line of cli.md, “Serving”. */
export function statusLine(status: Status): string {
  return [
    status.start,
    status.length,
    'remap v3.0',
    `${status.remapped}/${status.capacity}`,
    `${status.lost}/${status.capacity}`,
    `${status.used}/${status.capacity}`,
    `health=${status.health}`,
    `errors=W${status.write_errors}:R${status.read_errors}`,
    `auto_remaps=${status.auto_remaps}`,
    `manual_remaps=${status.manual_remaps}`,
    `scan=${status.scan_percent}%`,
    `persist=${status.persist}`,
    `last_save=${status.last_save}`,
    ...(status.migration === undefined
      ? []
      : [`migration=${status.migration.phase}:${status.migration.percent}%`]),
  ].join(' ');
}

const STATUS_LINE =
  /^(?<start>\d+) (?<length>\d+) remap v3\.0 (?<remapped>\d+)\/(?<capacity>\d+) (?<lost>\d+)\/\d+ (?<used>\d+)\/\d+ health=(?<health>[123]) errors=W(?<write_errors>\d+):R(?<read_errors>\d+) auto_remaps=(?<auto_remaps>\d+) manual_remaps=(?<manual_remaps>\d+) scan=(?<scan_percent>\d+)% persist=(?<persist>enabled|dirty|failed) last_save=(?<last_save>\d+)(?: migration=(?<phase>[a-z]+):(?<percent>\d+)%)?$/;

/** What a status line says; undefined where it is none. */
export function readStatusLine(line: string): Status | undefined {
  const said = STATUS_LINE.exec(line)?.groups;
  if (said === undefined) return undefined;
  const number = (name: string) => Number(said[name]);
  const exact = (name: string) => BigInt(said[name] ?? 0);
  return {
    start: number('start'),
    length: exact('length'),
    remapped: number('remapped'),
    lost: exact('lost'),
    used: number('used'),
    capacity: number('capacity'),
    health: number('health') as Status['health'],
    write_errors: exact('write_errors'),
    read_errors: exact('read_errors'),
    auto_remaps: exact('auto_remaps'),
    manual_remaps: exact('manual_remaps'),
    scan_percent: number('scan_percent'),
    persist: said['persist'] as Status['persist'],
    last_save: exact('last_save'),
    ...(said['phase'] === undefined
      ? {}
      : { migration: { phase: said['phase'], percent: number('percent') } }),
  };
}

/** The same as metrics in the Prometheus text format. */
export function prometheusText(device: string, status: Status): string {
  const label = `{device="${device.replace(/[\\"\n]/g, (character) => `\\${character === '\n' ? 'n' : character}`)}"}`;
  const metrics: [name: string, type: string, help: string, value: bigint | number][] = [
    ['remapped_sectors', 'gauge', 'Sectors that are remapped', status.remapped],
    ['capacity_sectors', 'gauge', 'Sectors that can be remapped', status.capacity],
    ['lost_sectors', 'gauge', 'Sectors remapped although their data could not be read', status.lost],
    ['health', 'gauge', '1 good, 2 warning, 3 failing', status.health],
    ['write_errors_total', 'counter', 'Write errors seen on main', status.write_errors],
    ['read_errors_total', 'counter', 'Read errors seen on main', status.read_errors],
    ['auto_remaps_total', 'counter', 'Remaps made by the server', status.auto_remaps],
    ['manual_remaps_total', 'counter', 'Remaps made by hand', status.manual_remaps],
    ['last_save_timestamp_seconds', 'gauge', 'Time of the last commit', status.last_save],
  ];
  return metrics
    .map(([name, type, help, value]) => {
      const metric = `dmremap_${name}`;
      return `# HELP ${metric} ${help}\n# TYPE ${metric} ${type}\n${metric}${label} ${value}\n`;
    })
    .join('');
}
