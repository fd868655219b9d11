import { sayAmount } from './amount.js';
import type { Change } from './candidate.js';
import type { KnownFit } from './fits.js';
import type { Verdict } from './proof.js';

/** How many changes a sentence names. */
const NAMED = 4;

/** In a few sentences: what a content is, and what speaks for it or against it. */
export function describeFit(fit: KnownFit, { against, witness }: Verdict): string {
  if (against.length > 0) return `${whatItIs(fit)} A guess: ${against.join('; ')}.`;
  const ground = witness ?? oddsOf(fit);
  return `${whatItIs(fit)} Proven: ${ground}, and it obeys every rule.`;
}

function oddsOf({ searched }: KnownFit): string {
  if (searched === 1n) return 'no other content had to be tried, and this one fits';
  return `of ${sayAmount(searched)} contents that were searched, only this one fits`;
}

function whatItIs({ kind, changes, content, alone }: KnownFit): string {
  const names = new Set([...alone].map(({ name }) => name));
  const copies = names.size > 1 ? 'Both copies' : `The ${[...names][0] ?? 'primary'} copy`;
  const list = listOf(changes);
  switch (kind) {
    case 'put-right':
      return changes.length > 0 ? `${copies}, put right: ${list}.` : `${copies} as it lies.`;
    case 'one-bit':
      return `${copies}, one flipped bit put right: ${list}.`;
    case 'count':
      return `${copies} with ${content.table.count} entries: ${list}.`;
    case 'mixture':
      return `Blocks of both copies: ${list}.`;
    case 'other-header':
      return `A table as it lies under another header: ${list}.`;
    case 'rebuilt':
      return `A table under a header made anew, with a new identity: ${list}. Its looks alone tell which entries were live.`;
    case 'witness':
      return `What is known from elsewhere: ${list}.`;
  }
}

function listOf(changes: readonly Change[]): string {
  const more = changes.length > NAMED ? `, and ${changes.length - NAMED} more` : '';
  return changes.slice(0, NAMED).map(sayChange).join(', ') + more;
}

function sayChange(change: Change): string {
  switch (change.what) {
    case 'byte': {
      const owner = change.field ?? `entry ${change.entry}`;
      return `byte ${change.byte} (${owner}) ${hex(change.from)} to ${hex(change.to)}`;
    }
    case 'block': {
      const last = change.at + change.length - 1;
      return `${change.part} bytes ${change.at} to ${last} from the ${change.taken}`;
    }
    case 'witness':
      return `${change.part} from ${change.taken}`;
  }
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
