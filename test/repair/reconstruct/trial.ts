import type { Candidate } from '../../../src/repair/reconstruct/candidate.js';
import { reconstruct } from '../../../src/repair/reconstruct/reconstruct.js';
import type { Random } from '../../support/random.js';
import { CopyView } from './copy-view.js';
import { type Damage, type DamageKind, damageOf, inflict, type Spread } from './damage.js';
import { readCopies } from './damaged-set.js';
import { judge } from './oracle.js';
import type { Content, TruthSet } from './truth.js';

/** One damaged set: what the engine proves against what the oracle says can be proven. */
export interface Trial {
  /**
   * truth, prior: proven and right to be. none: nothing is proven, rightly. unsure: the oracle could not tell.
   * valid: a copy was left whole, so that there was nothing to reconstruct.
   */
  readonly outcome: 'truth' | 'prior' | 'none' | 'unsure' | 'valid';
  /** How it was proven. */
  readonly kind: string;
  readonly description: string;
  /** Undefined where everything agrees. */
  readonly wrong: string | undefined;
}

export function tryDamage(truth: TruthSet, kind: DamageKind, spread: Spread, random: Random): Trial {
  const damages = damageOf(kind, spread, truth, random);
  const undo = inflict(truth, damages);
  try {
    return judged(truth, `${kind}, ${spread}: ${describe(truth, damages)}`);
  } finally {
    undo();
  }
}

function describe({ layout, content }: TruthSet, damages: readonly Damage[]): string {
  const places = damages.map(({ copy, at, bytes }) => `${copy}:${at}+${bytes.length}`);
  return `${layout}, ${content.live.length / 16} entries, ${places.join(' ')}`;
}

function judged(set: TruthSet, description: string): Trial {
  const views = set.copies.map((copy) => new CopyView(copy, set.deviceBytes));
  if (views.some((view) => view.isValidWith(set.content) || view.isValidWith(set.prior)))
    return { outcome: 'valid', kind: '', description, wrong: undefined };
  const { candidates } = reconstruct(readCopies(set.deviceBytes, set.copies));
  const proven = candidates.filter((candidate) => candidate.proven);
  const [first] = proven;
  const what = first === undefined ? 'none' : nameOf(first, set);
  const now = judge(set, set.content);
  const before = judge(set, set.prior);
  const expected = expectation(now, before);
  const why = candidates.map((candidate) => `${nameOf(candidate, set)}: ${candidate.why}`).join(' | ');
  const wrong =
    proven.length > 1 || !expected.includes(what)
      ? `${proven.length} proven, ${what}; expected ${expected.join(' or ')}; ${why}`
      : undefined;
  const outcome = expected.length > 1 ? 'unsure' : what === 'other' ? 'none' : what;
  return { outcome, kind: first?.kind ?? '', description, wrong };
}

type Name = 'truth' | 'prior' | 'none' | 'other';

/** What may be proven; the newer content before the older one. */
function expectation(now: ReturnType<typeof judge>, before: ReturnType<typeof judge>): readonly Name[] {
  if (now.proven === 'yes') return ['truth'];
  // where the newer one is found but not proven, nothing is known for sure
  const older = now.found || before.proven === 'no' ? 'none' : 'prior';
  const olderUnsure = older === 'prior' && before.proven === 'unsure' ? (['none'] as const) : [];
  return now.proven === 'unsure' ? ['truth', older, 'none'] : [older, ...olderUnsure];
}

function nameOf({ content }: Candidate, set: TruthSet): Name {
  if (isSame(content, set.content)) return 'truth';
  return isSame(content, set.prior) ? 'prior' : 'other';
}

function isSame({ block, table }: Candidate['content'], content: Content): boolean {
  return content.block.equals(block) && content.live.equals(table.bytes);
}
