import type { RowTally, SelftestResult } from '../../operations/selftest.js';
import type { Terminal } from '../terminal.js';
import type { JsonObject } from './json.js';
import { grid } from './table.js';
import { plural } from './text.js';

export function selftestJson({ rows }: SelftestResult, seed: number): JsonObject {
  return {
    seed,
    operations: rows.map((row) => ({
      operation: row.operation,
      result: resultOf(row),
      starts: row.starts,
      states: row.states,
      second_cuts: row.second,
      failed_flushes: row.failed,
      start: row.brokenFrom ?? null,
      detail: row.broken ?? row.refused ?? null,
    })),
  };
}

/** @param again the command that repeats this run */
export function selftestText({ rows, exitCode }: SelftestResult, again: string, terminal: Terminal): string {
  const head = ['operation', 'starts', 'power cuts', 'in recovery', 'failed flushes', 'result'];
  const cells = rows.map((row) => [
    row.operation,
    ...[row.starts, row.states, row.second, row.failed].map(String),
    resultOf(row),
  ]);
  const lines = [...grid(head, cells, terminal, { right: [1, 2, 3, 4] })];
  for (const row of rows)
    if (row.brokenFrom !== undefined)
      lines.push(`${row.operation}, from ${row.brokenFrom}: ${row.broken ?? row.refused}`);
  const states = rows.reduce((sum, row) => sum + row.states + row.second, 0);
  lines.push(
    exitCode === 0
      ? `${plural(states, 'state')} of a power cut: each recovered to the old or the new metadata, with its data`
      : `a promise was broken; to see it again: ${again}`,
  );
  return `${lines.join('\n')}\n`;
}

function resultOf({ broken, refused }: RowTally): string {
  return broken !== undefined ? 'broken' : refused !== undefined ? 'refused' : 'held';
}
