import type { Content } from '../store/content.js';
import { shapeOf } from '../store/relayout.js';

/** A set in one phrase, as plans show it. */
export function describeContent({ header, table }: Content): string {
  const { layout, maxEntries } = shapeOf(header);
  return `a ${layout} set, ${table.count} of ${maxEntries} remaps, generation ${header.generation}`;
}
