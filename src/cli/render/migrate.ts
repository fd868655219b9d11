import type { MigrateResult } from '../../operations/migrate/migrate.js';
import { line } from '../../operations/migrate/refusals.js';
import type { Unread } from '../../operations/migrate/run.js';
import { changeJson } from '../change-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../exit-codes.js';
import type { JsonObject } from './json.js';
import { spansJson } from './spans.js';

/** What `migrate` has come to. */

/** Lost data, or something that is left to be done, is a problem that remains. */
export function migrateExitCode({ outcome, carried }: MigrateResult): number {
  const { lost = [], targetFailure } = carried ?? {};
  if (lost.length > 0 || targetFailure !== undefined) return EXIT_PROBLEMS;
  return outcome === 'lost' || outcome === 'source not written' ? EXIT_PROBLEMS : EXIT_OK;
}

export function migrateText(result: MigrateResult): string {
  const { outcome, names, active, entries } = result;
  if (outcome === 'only shown') return '';
  const lines: string[] = [];
  if (active !== undefined) lines.push(`${names[active]}: the active spare, ${entries} remaps`);
  if (outcome === 'taken back') lines.push(`${names.to}: no metadata`);
  const passive = active === 'from' ? names.from === names.to : undefined;
  if ((outcome === 'moved' || outcome === 'abandoned') && passive !== true) {
    const other = active === 'from' ? names.to : names.from;
    lines.push(
      outcome === 'moved'
        ? `${other}: retired`
        : `${other}: abandoned; never attach it again, it is not retired`,
    );
  }
  lines.push(...unreadLines(result));
  return `${lines.join('\n')}\n`;
}

function unreadLines({ carried, outcome, lostMap }: MigrateResult): string[] {
  if (carried === undefined) return [];
  const { lost, unproven } = carried;
  const fate = outcome === 'lost' ? 'cannot be read' : 'could not be read and holds zeros now';
  const lines = lost.map((one) => `${place(one)} ${fate}`);
  lines.push(...unproven.map((one) => `${place(one)} was read once and copied, and could not be compared`));
  if (lostMap !== undefined) lines.push(`listed in ${lostMap}`);
  return lines;
}

function place({ sector, main_sector }: Unread): string {
  return `sector ${sector} (${main_sector} of main)`;
}

/** For the operator: what is to be typed next. */
export function migrateNotes(result: MigrateResult): string[] {
  const { outcome, names, carried } = result;
  switch (outcome) {
    case 'lost':
      return [
        'nothing is decided: what cannot be read would be lost',
        `to try again: ${line(names, '--resume')}; with zeros in its place: ${line(names, '--resume', '--lost=zero')}; to end it: ${line(names, '--rollback')}`,
      ];
    case 'source not written':
      return [
        `the spare that is to be retired cannot be written: ${carried?.sourceFailure?.message ?? ''}`,
        `all data is on the other one; to try again: ${line(names, '--resume')}; to do without: ${line(names, '--resume', '--abandon-source')}, after which the old spare must never be attached again`,
      ];
    case 'nothing to do':
      return ['there is nothing to do'];
    default:
      return [];
  }
}

export function migrateJson(result: MigrateResult): JsonObject {
  const { names, outcome, active, entries, lostMap } = result;
  return {
    ...changeJson(result),
    from: names.from,
    to: names.to,
    outcome: outcome.replaceAll(' ', '-'),
    active: active ?? null,
    entries,
    lost: spansJson(result.lost),
    unproven: spansJson(result.unproven),
    lost_map: lostMap ?? null,
  };
}
