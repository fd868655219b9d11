import type { JsonObject } from './json.js';

/** Sectors from `first` to below `end`. */
type Span = readonly [first: number, end: number];

/** How many are named where people read them; JSON has them all. */
const MOST = 20;

/** As they are typed: `7`, `8-15`. */
export function spansText(spans: readonly Span[]): string {
  const shown = spans
    .slice(0, MOST)
    .map(([first, end]) => (end - first === 1 ? `${first}` : `${first}-${end - 1}`));
  if (spans.length > MOST) shown.push(`and ${spans.length - MOST} more ranges`);
  return shown.join(' ');
}

export function spansJson(spans: readonly Span[]): JsonObject[] {
  return spans.map(([first, end]) => ({ main_sector: first, count: end - first }));
}
