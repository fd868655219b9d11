import { buildImage, type Entry, type ImageSpec, type Layout } from './build-image.js';
import { HEADER_LENGTH, redundantGeometry, SECTOR } from './format-numbers.js';
import { MUTATIONS } from './mutate-kinds.js';
import { Random } from './random.js';

/** Spares with random damage, each from a number alone. */

export interface Mutated {
  readonly seed: number;
  readonly image: Buffer;
  /** What the image was and what was done to it, for the message of a failure. */
  readonly description: string;
  readonly mainSectors: number;
  /** Before the damage. */
  readonly base: Buffer;
  /** Only bytes that no rule looks at were changed: the verdict has to be the base's. */
  readonly harmless: boolean;
}

/** The spare that a mutation works on; `image` is replaced where its size changes. */
export interface Subject {
  image: Buffer;
  readonly spec: BaseSpec;
  readonly random: Random;
}

export type BaseSpec = ImageSpec & {
  readonly maxEntries: number;
  readonly entries: readonly Entry[];
  readonly mainSectors: number;
  readonly generation: number;
};

export function mutation(seed: number): Mutated {
  const random = new Random(seed);
  const spec = randomSpec(random);
  const base = randomBase(spec, random);
  const subject: Subject = { image: Buffer.from(base), spec, random };
  const usable = MUTATIONS.filter((kind) => kind.layouts === undefined || kind.layouts.includes(spec.layout));

  const done: string[] = [];
  const harmlessOnly = random.chance(0.1);
  const choice = usable.filter((kind) => !harmlessOnly || kind.harmless);
  // Mostly one thing at a time: what is broken twice tells less.
  const steps = random.pick([1, 1, 1, 2, 3]);
  for (let step = 0; step < steps; step++) {
    const kind = random.pick(choice);
    done.push(`${kind.name}: ${kind.apply(subject)}`);
    // The other kinds count on the size that the spec names.
    if (subject.image.length !== base.length) break;
  }
  return {
    seed,
    image: subject.image,
    description: `seed ${seed}: ${describe(spec)}; ${done.join('; ')}`,
    mainSectors: spec.mainSectors,
    base,
    harmless: harmlessOnly,
  };
}

/** A spare as it might be found, in any layout, of any small size, mostly with nothing wrong. */
function randomSpec(random: Random): BaseSpec {
  const layout = random.pick<Layout>(['redundant', 'redundant', 'redundant', 'plain', 'plain-ext']);
  const maxEntries = random.pick([1, 2, 30, 31, 32, 200, 252, 255, 256, 257, 600]);
  const metadata = redundantGeometry(0, maxEntries).dataStart * (layout === 'redundant' ? 2 : 1);
  const sectors = metadata + random.between(8, 160);
  const mainSectors = random.pick([64, 2048, 16_384, 2_000_000, 2 ** 33]);
  const geometry = redundantGeometry(sectors, maxEntries);
  const end = layout === 'redundant' ? geometry.backupTable : sectors;
  const room = Math.min(maxEntries, end - geometry.dataStart, mainSectors);
  const count = random.pick([0, 1, Math.min(room, 5), random.between(0, room), room]);
  const mains = random.distinct(count, 0, mainSectors - 1);
  const spares = random.distinct(count, geometry.dataStart, end - 1);
  return {
    layout,
    sectors,
    maxEntries,
    mainSectors,
    entries: mains.map((main, slot) => [main, spares[slot] ?? 0] as const),
    generation: random.pick([1, 2, 7, 1000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]),
    state: random.pick([0, 0, 0, 0, 1]),
    role: random.pick([0, 0, 0, 0, 0, 1, 2]),
  };
}

/** The spec as an image, with something in the data sectors and, now and then, in the free slots. */
function randomBase(spec: BaseSpec, random: Random): Buffer {
  const image = buildImage(spec);
  const geometry = redundantGeometry(spec.sectors, spec.maxEntries);
  for (const [, spare] of spec.entries) random.bytes(SECTOR).copy(image, Number(spare) * SECTOR);
  if (random.chance(0.3)) {
    const live = HEADER_LENGTH + spec.entries.length * 16;
    random.bytes(geometry.dataStart * SECTOR - live).copy(image, live);
  }
  return image;
}

function describe(spec: BaseSpec): string {
  return (
    `${spec.layout}, ${spec.sectors} sectors, ${spec.entries.length}/${spec.maxEntries} entries, main ` +
    `${spec.mainSectors}, generation ${spec.generation}, state ${spec.state}, role ${spec.role}`
  );
}
