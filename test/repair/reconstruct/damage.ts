import type { Random } from '../../support/random.js';
import type { TruthSet } from './truth.js';

/** Damage of the kinds that storage knows, at places that matter. */

export const DAMAGES = ['one bit', 'two bits', 'three bits', 'one sector', 'stale block'] as const;

export type DamageKind = (typeof DAMAGES)[number];

/** In the one copy of a plain set; in both at places of their own; in both alike; in both within one block. */
export type Spread = 'one copy' | 'apart' | 'alike' | 'same block';

/** Bytes of one copy that are to become others: `at` counts the header and then the table. */
export interface Damage {
  readonly copy: number;
  readonly at: number;
  readonly bytes: Buffer;
}

const HEADER = 4096;
const BLOCK = 4096;
const SECTOR = 512;

export function damageOf(kind: DamageKind, spread: Spread, truth: TruthSet, random: Random): Damage[] {
  const one = damageTo(0, kind, truth, random, undefined);
  if (spread === 'one copy' || truth.copies.length === 1) return one;
  if (spread === 'alike') return [...one, ...one.map((damage) => alike(damage, truth))];
  const block = spread === 'same block' ? Math.floor((one[0]?.at ?? 0) / BLOCK) : undefined;
  return [...one, ...damageTo(1, kind, truth, random, block)];
}

/** The same bits flipped, the same bytes written, in the other copy. */
function alike({ at, bytes }: Damage, truth: TruthSet): Damage {
  const before = [0, 1].map((copy) => stretchOf(truth, copy, at, bytes.length));
  const flipped = bytes.map((byte, index) => byte ^ (before[0]?.[index] ?? 0) ^ (before[1]?.[index] ?? 0));
  return { copy: 1, at, bytes: Buffer.from(flipped) };
}

function stretchOf({ copies }: TruthSet, copy: number, at: number, length: number): Buffer {
  const { header, region } = copies[copy] ?? { header: Buffer.alloc(0), region: Buffer.alloc(0) };
  return at < HEADER ? header.subarray(at, at + length) : region.subarray(at - HEADER, at - HEADER + length);
}

/** @param block where given, the damage lies within this block of 4096 bytes */
function damageTo(
  copy: number,
  kind: DamageKind,
  truth: TruthSet,
  random: Random,
  block: number | undefined,
): Damage[] {
  switch (kind) {
    case 'one bit':
      return bits(1, copy, truth, random, block);
    case 'two bits':
      return bits(2, copy, truth, random, block);
    case 'three bits':
      return bits(3, copy, truth, random, block);
    case 'one sector':
      return [sector(copy, truth, random, block)];
    case 'stale block':
      return [staleBlock(copy, truth, random, block)];
  }
}

/** Flipped bits: anywhere in what is summed, among the fields of the header, or close together. */
function bits(
  count: number,
  copy: number,
  truth: TruthSet,
  random: Random,
  block: number | undefined,
): Damage[] {
  const places = new Set<number>();
  const close = random.chance(0.2) ? 8 * byteIn(truth, random, block) : undefined;
  while (places.size < count)
    places.add(
      close === undefined ? 8 * byteIn(truth, random, block) + random.below(8) : close + random.below(64),
    );
  const masks = new Map<number, number>();
  for (const place of places) {
    const at = Math.floor(place / 8);
    masks.set(at, (masks.get(at) ?? 0) ^ (1 << (place % 8)));
  }
  return [...masks]
    .filter(([at]) => at < HEADER + truth.content.live.length)
    .map(([at, mask]) => {
      const [byte = 0] = stretchOf(truth, copy, at, 1);
      return { copy, at, bytes: Buffer.of(byte ^ mask) };
    });
}

/** A byte of header or live table. */
function byteIn(truth: TruthSet, random: Random, block: number | undefined): number {
  const end = HEADER + truth.content.live.length;
  if (block !== undefined) return Math.min(end - 9, block * BLOCK + random.below(BLOCK));
  const [from, to] = random.pick([
    [0, 72],
    [0, 360],
    [0, HEADER],
    [HEADER, end],
    [HEADER, end],
    [0, end],
  ] as const);
  return from + random.below(Math.max(1, to - from - 8));
}

function sector(copy: number, truth: TruthSet, random: Random, block: number | undefined): Damage {
  const at = Math.floor(byteIn(truth, random, block) / SECTOR) * SECTOR;
  const length = Math.min(SECTOR, at < HEADER ? SECTOR : HEADER + truth.content.live.length - at);
  const before = stretchOf(truth, copy, at, length);
  const filling = random.pick(['zeros', 'noise', 'another', 'half'] as const);
  if (filling === 'zeros') return { copy, at, bytes: Buffer.alloc(length) };
  if (filling === 'noise') return { copy, at, bytes: random.bytes(length) };
  // a misdirected write: another sector of the same copy
  const other = Math.floor(byteIn(truth, random, undefined) / SECTOR) * SECTOR;
  const stranger = Buffer.concat([stretchOf(truth, copy, other, length), Buffer.alloc(length)]);
  if (filling === 'another') return { copy, at, bytes: stranger.subarray(0, length) };
  return { copy, at, bytes: Buffer.concat([before.subarray(0, length / 2), Buffer.alloc(length / 2)]) };
}

/** A block of 4096 bytes, or a sector, as it was one commit earlier: a write that never arrived. */
function staleBlock(copy: number, truth: TruthSet, random: Random, block: number | undefined): Damage {
  const prior = truth.priorCopies[copy];
  const changed = truth.differsAt === undefined ? truth.content.live.length - 1 : truth.differsAt;
  const unit = random.pick([BLOCK, SECTOR]);
  const wanted = block === undefined ? undefined : block * BLOCK;
  const inHeader = wanted === undefined ? random.chance(0.3) : wanted === 0;
  const at = inHeader ? 0 : HEADER + Math.floor(changed / unit) * unit;
  const from = at < HEADER ? prior?.header.subarray(at) : prior?.region.subarray(at - HEADER);
  return { copy, at, bytes: Buffer.from(from?.subarray(0, unit) ?? []) };
}

/** Does the damage and gives what undoes it. */
export function inflict(truth: TruthSet, damages: readonly Damage[]): () => void {
  const saved = damages.map(({ copy, at, bytes }) => {
    const stretch = stretchOf(truth, copy, at, bytes.length);
    const before = Buffer.from(stretch);
    bytes.copy(stretch);
    return () => void before.copy(stretch);
  });
  return () => {
    for (const undo of saved.reverse()) undo();
  };
}
