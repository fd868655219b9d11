import type { RelayoutResult } from '../../operations/relayout.js';
import { changeJson } from '../change-command.js';
import type { JsonObject } from './json.js';

/** What `convert` and `resize` have made. */
export function relayoutText(result: RelayoutResult): string {
  const { applied, plan, layout, maxEntries, entries, moved, dataSectors } = result;
  const path = plan.device.path;
  if (plan.phases.length === 0)
    return `${path}: it is a ${layout} set for up to ${maxEntries} remaps already\n`;
  if (!applied) return '';
  const lines = [`${path}: a ${layout} set, ${entries} of ${maxEntries} remaps, ${dataSectors} data sectors`];
  if (moved > 0) lines.push(`the data of ${moved} remaps was moved to other sectors of the spare`);
  return `${lines.join('\n')}\n`;
}

export function relayoutJson(result: RelayoutResult): JsonObject {
  return {
    ...changeJson(result),
    layout: result.layout,
    max_entries: result.maxEntries,
    data_sectors: result.dataSectors,
    entries: result.entries,
    moved_entries: result.moved,
    generation: result.generation,
  };
}
