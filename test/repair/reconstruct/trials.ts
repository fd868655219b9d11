import { Random } from '../../support/random.js';
import { DAMAGES, type DamageKind, type Spread } from './damage.js';
import { type Trial, tryDamage } from './trial.js';
import { type TruthSet, truthOf } from './truth.js';

/** Many damaged sets, always the same ones for a seed. */

export interface TrialsWanted {
  readonly seed: number;
  /** Live entries. */
  readonly count: number;
  /** Cases of each kind of damage. */
  readonly cases: number;
  /** How often the sets are used before others are made; large ones are dear. */
  readonly perSet: number;
}

export interface Tally {
  readonly tried: number;
  /** By kind of damage, spread, outcome and how it was proven. */
  readonly met: ReadonlyMap<string, number>;
  /** Damage of each kind that left no copy valid. */
  readonly damaged: ReadonlyMap<DamageKind, number>;
  readonly wrong: readonly string[];
}

/** In a redundant set, more often than in a plain one: there is more to go wrong. */
const SPREADS: readonly Spread[] = ['one copy', 'apart', 'apart', 'alike', 'same block'];

/** Damages sets until every kind has had its cases. Damage that leaves a copy valid does not count. */
export function runTrials({ seed, count, cases, perSet }: TrialsWanted): Tally {
  const random = new Random(seed);
  const met = new Map<string, number>();
  const damaged = new Map<DamageKind, number>(DAMAGES.map((kind) => [kind, 0]));
  const wrong: string[] = [];
  let tried = 0;
  while ([...damaged.values()].some((times) => times < cases)) {
    const sets = setsOf(count, random);
    for (let use = 0; use < perSet; use++)
      for (const kind of DAMAGES) {
        if ((damaged.get(kind) ?? 0) >= cases) continue;
        const spread = random.pick(SPREADS);
        const set = spread === 'one copy' ? random.pick(sets.plain) : sets.redundant;
        const trial = tryDamage(set, kind, spread, random);
        tried++;
        if (trial.outcome !== 'valid') damaged.set(kind, (damaged.get(kind) ?? 0) + 1);
        const key = keyOf(kind, spread, trial);
        met.set(key, (met.get(key) ?? 0) + 1);
        if (trial.wrong !== undefined) wrong.push(`seed ${seed}: ${trial.wrong}\n    ${trial.description}`);
      }
  }
  return { tried, met, damaged, wrong };
}

function setsOf(count: number, random: Random): { plain: TruthSet[]; redundant: TruthSet } {
  const maxEntries = count + random.pick([0, 1, 100, 1000]);
  const plain = truthOf({ layout: random.pick(['plain', 'plain-ext']), count, maxEntries }, random);
  return { plain: [plain], redundant: truthOf({ layout: 'redundant', count, maxEntries }, random) };
}

function keyOf(kind: DamageKind, spread: Spread, { outcome, kind: how }: Trial): string {
  return `${kind}, ${spread}: ${outcome}${how === '' ? '' : ` by ${how}`}`;
}

/** How often each outcome was met, over all kinds. */
export function outcomes({ met }: Tally): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [key, times] of met) {
    const outcome = key.split(': ')[1]?.split(' by ')[0] ?? '';
    sums.set(outcome, (sums.get(outcome) ?? 0) + times);
  }
  return sums;
}
