import { DmremapError } from '../../errors.js';
import type { SectorRange } from '../../exchange/quantities.js';
import type { UnremapOptions, UnremapResult } from '../../operations/unremap.js';
import { changeJson } from '../change-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../exit-codes.js';
import type { JsonObject } from './json.js';
import { spansJson, spansText } from './spans.js';
import { plural } from './text.js';

/** @throws DmremapError `usage` unless sectors are named, or all are meant */
export function rangesToReturn(
  ranges: readonly SectorRange[],
  isAll: boolean | undefined,
): UnremapOptions['ranges'] {
  const isNamed = ranges.length > 0;
  if (isAll === true ? isNamed : !isNamed) throw new DmremapError('usage', 'name sectors, or --all');
  return isAll === true ? 'all' : ranges;
}

/** Sectors that should have gone back and did not. */
export function unremapExitCode({ refused, unreadable }: UnremapResult): number {
  return refused.length + unreadable.length === 0 ? EXIT_OK : EXIT_PROBLEMS;
}

export function unremapText(result: UnremapResult, isDryRun: boolean): string {
  const { plan, applied, returned, widened, entries, notRemapped, refused, unreadable } = result;
  const lines: string[] = [];
  if (applied || isDryRun || returned === 0) {
    const verb = isDryRun ? 'would live' : returned === 1 ? 'lives' : 'live';
    const more = widened === 0 ? '' : `, ${widened} of them to make whole physical blocks`;
    lines.push(
      `${plan.device.path}: ${plural(returned, 'sector')} ${verb} on main again${more}; ${entries} remapped`,
    );
  }
  if (notRemapped.length > 0) lines.push(`not remapped: ${spansText(notRemapped)}`);
  if (refused.length > 0) lines.push(`main does not hold them, they stay remapped: ${spansText(refused)}`);
  if (unreadable.length > 0)
    lines.push(`the spare cannot read them, they stay remapped: ${spansText(unreadable)}`);
  return lines.map((line) => `${line}\n`).join('');
}

export function unremapJson(result: UnremapResult): JsonObject {
  return {
    ...changeJson(result),
    returned: result.returned,
    widened: result.widened,
    not_remapped: spansJson(result.notRemapped),
    refused: spansJson(result.refused),
    unreadable: spansJson(result.unreadable),
    entries: result.entries,
    generation: result.generation,
  };
}
