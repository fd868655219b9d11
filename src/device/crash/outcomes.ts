import type { Dice } from './dice.js';
import type { CellKey, CellValue, MediumInstant } from './medium.js';
import type { Instant } from './recording.js';

/** What one power cut left: of each medium the cells that hold something else than at the beginning. */
export type Outcome = readonly ReadonlyMap<CellKey, CellValue>[];

/** A cell that is open at an instant, with the values it may have; the first one is what was durable. */
interface Choice {
  readonly medium: number;
  readonly key: CellKey;
  readonly values: readonly CellValue[];
}

/** How often a new value is taken in one sample, the others in equal parts. */
const SHARES = [0.1, 0.5, 0.5, 0.9];

/**
 * What a power cut may leave at this instant: all of it where there are at most `most` outcomes, else the edges
 * (nothing, everything, the first and the last cell alone or left out) and samples up to that number.
 */
export function* outcomesAt(instant: Instant, most: number, dice: Dice): Generator<Outcome> {
  const choices = choicesAt(instant);
  const count = choices.reduce((product, { values }) => product * values.length, 1);
  const picks = count <= most ? everyPick(choices) : somePicks(choices, most, dice);
  for (const pick of picks)
    yield instant.media.map((medium, index) => withPick(medium, index, choices, pick));
}

/** How many outcomes there are at this instant; more than 2^53 are counted roughly. */
export function countOutcomes(instant: Instant): number {
  return choicesAt(instant).reduce((product, { values }) => product * values.length, 1);
}

function choicesAt({ media }: Instant): Choice[] {
  return media.flatMap(({ open }, medium) => Array.from(open, ([key, values]) => ({ medium, key, values })));
}

/** Which value of each choice; 0 is what was durable. */
type Pick = readonly number[];

function* everyPick(choices: readonly Choice[]): Generator<Pick> {
  const pick = choices.map(() => 0);
  for (;;) {
    yield [...pick];
    let digit = 0;
    while (digit < pick.length && (pick[digit] ?? 0) + 1 === choices[digit]?.values.length) pick[digit++] = 0;
    if (digit === pick.length) return;
    pick[digit] = (pick[digit] ?? 0) + 1;
  }
}

function* somePicks(choices: readonly Choice[], most: number, dice: Dice): Generator<Pick> {
  const last = choices.map(({ values }) => values.length - 1);
  const edges: ((index: number) => boolean)[] = [
    () => false,
    () => true,
    (index) => index === 0,
    (index) => index !== 0,
    (index) => index === last.length - 1,
    (index) => index !== last.length - 1,
  ];
  for (const taken of edges.slice(0, most)) yield last.map((value, index) => (taken(index) ? value : 0));
  for (let count = edges.length; count < most; count++) {
    const share = SHARES[dice.below(SHARES.length)] ?? 0.5;
    yield last.map((value) => (dice.chance(share) ? 1 + dice.below(value) : 0));
  }
}

function withPick(
  { settled }: MediumInstant,
  medium: number,
  choices: readonly Choice[],
  pick: Pick,
): ReadonlyMap<CellKey, CellValue> {
  const cells = new Map(settled);
  for (const [index, choice] of choices.entries()) {
    const taken = pick[index] ?? 0;
    if (choice.medium === medium && taken > 0) cells.set(choice.key, choice.values[taken]);
  }
  return cells;
}
