import type { RemapResult } from '../../operations/remap.js';
import { changeJson } from '../change-command.js';
import { EXIT_OK, EXIT_PROBLEMS } from '../exit-codes.js';
import { goOnJson, goOnText } from './dm-table.js';
import { gathered } from './gathered.js';
import type { JsonObject } from './json.js';
import { spansJson, spansText } from './spans.js';
import { plural } from './text.js';

/** Sectors whose data is lost, or that stay on main although they cannot be read, are a problem that remains. */
export function remapExitCode({ lost }: RemapResult): number {
  return lost.length === 0 ? EXIT_OK : EXIT_PROBLEMS;
}

export function remapText(result: RemapResult, isDryRun: boolean): Iterable<string> {
  return gathered(remapLines(result, isDryRun));
}

function* remapLines(result: RemapResult, isDryRun: boolean): Generator<string> {
  const { already, lost, lostMap, leftOut, mapping } = result;
  const lines = [...movedText(result, isDryRun)];
  if (already.length > 0) lines.push(`remapped before: ${spansText(already)}`);
  if (lost.length > 0) lines.push(`cannot be read: ${spansText(lost)}`);
  if (lostMap !== undefined) lines.push(`the same as a ddrescue mapfile: ${lostMap}`);
  for (const [reason, count] of leftOut) lines.push(`left out of the list: ${count} ${reason}`);
  yield* lines.map((line) => `${line}\n`);
  if (mapping === undefined) return;
  yield `${mapping.name} is still suspended; type this:\n`;
  yield* goOnText(mapping);
}

function movedText({ plan, applied, remapped, widened, entries }: RemapResult, isDryRun: boolean): string[] {
  if (!applied && !isDryRun && remapped > 0) return [];
  const what = `${plural(remapped, 'sector')} ${isDryRun ? 'would be remapped' : 'remapped'}`;
  const more = widened === 0 ? '' : `, ${widened} of them to make whole physical blocks`;
  return [`${plan.device.path}: ${what}${more}; ${entries} in all`];
}

export function remapJson(result: RemapResult): JsonObject {
  return {
    ...changeJson(result),
    remapped: result.remapped,
    widened: result.widened,
    already_remapped: spansJson(result.already),
    lost: spansJson(result.lost),
    lost_map: result.lostMap ?? null,
    left_out: [...result.leftOut].map(([reason, count]) => ({ reason, count })),
    entries: result.entries,
    generation: result.generation,
    ...goOnJson(result.mapping),
  };
}
