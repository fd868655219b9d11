import { reconstruct } from '../src/repair/reconstruct/reconstruct.js';
import { type Damage, inflict } from '../test/repair/reconstruct/damage.js';
import { readCopies } from '../test/repair/reconstruct/damaged-set.js';
import { type TruthSet, truthOf } from '../test/repair/reconstruct/truth.js';
import { Random } from '../test/support/random.js';
import { type Bench, line, verdict } from './bench.js';
import { Samples } from './samples.js';

const MILLION = 1_000_000;
const TURNS = 5;

const METHOD =
  `the search in this process, from tables in memory to candidates; user and system time of the processor, in ` +
  `milliseconds; ${TURNS} runs, median (least-most)`;

const HEADER = 4096;
const BLOCK = 4096;

interface Case {
  readonly name: string;
  readonly layout: TruthSet['layout'];
  readonly damage: (set: TruthSet) => Damage[];
  /** At most, in milliseconds of the processor; what has no target is only told. */
  readonly target?: number;
}

const CASES: readonly Case[] = [
  {
    name: 'one bit in the table',
    layout: 'plain',
    damage: (set) => [flipped(set, 0, 12_345_678)],
    target: 500,
  },
  { name: 'one bit in the header', layout: 'plain', damage: (set) => [flipped(set, 0, 16)], target: 500 },
  {
    name: 'one bit in each copy',
    layout: 'redundant',
    damage: (set) => [flipped(set, 0, 8_000_000), flipped(set, 1, 8_000_008)],
  },
  { name: '24 differing blocks', layout: 'redundant', damage: (set) => inBlocks(set, 24), target: 1000 },
  { name: '100 differing blocks', layout: 'redundant', damage: (set) => inBlocks(set, 100) },
  {
    name: 'entry_count',
    layout: 'plain',
    damage: () => [{ copy: 0, at: 32, bytes: Buffer.of(7, 7, 7, 0) }],
  },
];

function flipped({ copies }: TruthSet, copy: number, at: number): Damage {
  const byte = at < HEADER ? copies[copy]?.header[at] : copies[copy]?.region[at - HEADER];
  return { copy, at, bytes: Buffer.of((byte ?? 0) ^ 1) };
}

/** A flipped bit in as many blocks of the tables, by turns in either copy; no rule tells which. */
function inBlocks(set: TruthSet, blocks: number): Damage[] {
  const step = Math.floor(set.content.live.length / BLOCK / blocks);
  return Array.from({ length: blocks }, (_, block) =>
    flipped(set, block % 2, HEADER + BLOCK * step * block + 16 * (block + 1)),
  );
}

/** What a search takes, from what was read to the candidates: the processor's time, since that is what it costs. */
export function reconstruction(): Bench[] {
  const sets = new Map<string, TruthSet>();
  const setOf = (layout: TruthSet['layout']) => {
    const known = sets.get(layout) ?? truthOf({ layout, count: MILLION, maxEntries: MILLION }, new Random(1));
    sets.set(layout, known);
    return known;
  };
  return CASES.map(({ name, layout, damage, target }) => {
    const title = `reconstruction, ${name}, 1,000,000 entries`;
    const run = () => {
      const set = setOf(layout);
      const undo = inflict(set, damage(set));
      const samples = new Samples();
      let candidates = 0;
      for (let turn = 0; turn < TURNS; turn++) {
        const began = process.cpuUsage();
        candidates = reconstruct(readCopies(set.deviceBytes, set.copies)).candidates.length;
        const { user, system } = process.cpuUsage(began);
        samples.add((user + system) / 1000);
      }
      undo();
      const most = target === undefined ? '' : ` (at most ${target})`;
      const result = `${samples.median.toFixed(0)} ms${most}, ${candidates} candidates`;
      const from = `${samples.show('ms')} of the processor, ${samples.count} runs`;
      const met = target === undefined ? 'info' : verdict(samples.median <= target);
      return [line(met, title, result, from)];
    };
    return { title, method: METHOD, run };
  });
}
