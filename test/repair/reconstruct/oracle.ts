import { CopyView } from './copy-view.js';
import type { Content, TruthSet } from './truth.js';

/**
 * A second statement of when a content is proven (format.md section 6), made from the damage and the content
 * that is to come out. It never searches: it asks whether the searches, as the format describes them, pass
 * over this content, and how many others they pass over at most and at least.
 */
export interface Judgement {
  /** unsure: it depends on how many blocks the rules decide, which is not asked here. */
  readonly proven: 'yes' | 'no' | 'unsure';
  /** Some search passes over it. */
  readonly found: boolean;
}

const MOST_SEARCHED = 2 ** 17;
const MOST_ENTRIES_FOR_A_BIT = 459;
const HEADER_BITS = 8 * 4096;

/** @param set damaged as it is now; `content` is its own content or the one before */
export function judge(set: TruthSet, content: Content): Judgement {
  const views = set.copies.map((copy) => new CopyView(copy, set.deviceBytes));
  const redundant = set.layout === 'redundant';
  const blocks = mixtures(views, content, 4096, redundant);
  if (blocks.found && blocks.most <= MOST_SEARCHED) return { proven: 'yes', found: true };
  const sectors = mixtures(views, content, 512, redundant);
  const mixed = Math.max(sectors.most, blocks.most) * 2;
  if (sectors.found && mixed <= MOST_SEARCHED) return { proven: 'yes', found: true };

  const counting = views.filter((view) => view.countedAs(content));
  const flipped = views.filter((view) => view.wrongBits(content) === 1);
  const whole = views.filter((view) => view.wrongBits(content) === 0);
  const alone = [...new Set([...whole, ...counting, ...flipped])];
  const found = blocks.found || sectors.found || alone.length > 0;
  if (alone.some((view) => alone.some((other) => view.isDamagedOtherwise(other, content))))
    return { proven: 'yes', found };
  if (blocks.found || sectors.found) return { proven: 'unsure', found };

  const counts = sum(views.map((view) => view.capacitySearched));
  const ownCounts = Math.max(0, ...counting.map((view) => view.capacitySearched));
  if (counting.length > 0) return { proven: within(mixed + counts, ownCounts), found };
  if (flipped.length === 0 || content.live.length / 16 > MOST_ENTRIES_FOR_A_BIT)
    return { proven: 'no', found };
  const same = views.length === 2 && views[0]?.holdsTheSame(views[1]) === true;
  const bits = views.map((view) => view.bitsSearched);
  // where a damaged capacity makes the tables lie elsewhere, two copies are no doubles of each other any more
  const doubles = same && views.every((view) => view.tableIsInPlace);
  const mostBits = doubles ? Math.max(...bits) : sum(bits);
  // under a header that breaks a rule the table need not be searched
  const leastBits = bits.map((searched) => Math.min(searched, HEADER_BITS));
  const least = same ? Math.max(...leastBits) : sum(leastBits);
  return { proven: within(mixed + counts + mostBits, least), found };
}

function within(most: number, least: number): Judgement['proven'] {
  if (most <= MOST_SEARCHED) return 'yes';
  return least > MOST_SEARCHED ? 'no' : 'unsure';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Whether the blocks of this content are there, one by one, and how many mixtures there are if no rule decides any. */
function mixtures(
  views: readonly CopyView[],
  content: Content,
  unit: 4096 | 512,
  redundant: boolean,
): { found: boolean; most: number } {
  const summed = views.some((view) => view.speaks && view.stored === content.sums[view.name]);
  const headers = views.some(
    (view) => view.speaks && view.normal.subarray(0, unit).equals(content.block.subarray(0, unit)),
  );
  const parts = (from: (view: CopyView) => Buffer, wanted: Buffer) => {
    for (let at = 0; at < wanted.length; at += unit) {
      const part = wanted.subarray(at, at + unit);
      if (
        !views.some((view) =>
          from(view)
            .subarray(at, at + part.length)
            .equals(part),
        )
      )
        return false;
    }
    return true;
  };
  const found =
    summed &&
    headers &&
    parts((view) => view.region, content.live) &&
    (unit === 4096 || parts((view) => view.normal, content.block));
  const options = new Map<string, number>();
  for (const view of views) {
    if (!view.hasTable) continue;
    const key = view.normal.subarray(0, unit).toString('latin1');
    options.set(key, redundant ? view.differences(views, unit) : 0);
  }
  return { found, most: sum([...options.values()].map((different) => 2 ** different)) };
}
