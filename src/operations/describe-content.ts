import type { Content } from '../store/content.js';
import { type Layout, shapeOf } from '../store/relayout.js';

/** A set in one phrase, as plans show it. */
export function describeContent({ header, table }: Content, layout: Layout = shapeOf(header).layout): string {
  const { maxEntries } = shapeOf(header);
  return `a ${layout} set, ${table.count} of ${maxEntries} remaps, generation ${header.generation}`;
}
