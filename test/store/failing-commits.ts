import { createHash } from 'node:crypto';
import { MemoryDevice } from '../../src/device/memory-device.js';
import type { Bytes } from '../../src/units.js';
import { checkDevice } from '../check/check-device.js';
import { buildImage, type Entry, endPlace, type ImageSpec } from '../support/build-image.js';
import { u32, u64 } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import type { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { FailingDevice } from './failing-device.js';

/** What must be so on a device after each answer of a writer, judged by the independent reader. */

export const ENTRIES: readonly Entry[] = Array.from(
  { length: 200 },
  (_, index): Entry => [index * 9, 24 + index],
);

export const REDUNDANT = { layout: 'redundant', sectors: 384, maxEntries: 300, entries: ENTRIES } as const;
export const PLAIN = { ...REDUNDANT, layout: 'plain' } as const;

export type Remaps = ReadonlyMap<number, number>;

export const REMAPS: Remaps = new Map(ENTRIES.map(([main, spare]) => [Number(main), Number(spare)]));

/** Each generation names one content, whatever fails: every header that is written is held against that. */
export class WatchedDevice extends FailingDevice {
  readonly #contents = new Map<number, string>();
  readonly #headers: readonly number[];

  constructor(spec: ImageSpec, change: (image: Buffer) => void = () => {}) {
    const image = buildImage(spec);
    const headers = [0, endPlace(image)];
    change(image);
    super(image);
    this.#headers = headers;
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    if (this.#headers.includes(at) && from.some((byte) => byte !== 0)) {
      const header = Buffer.from(from);
      const generation = u32(header, 'generation');
      // every commit of these tests has a time of its own
      const content = `${u64(header, 'last_update_time')} ${u32(header, 'entry_count')}`;
      const known = this.#contents.get(generation);
      assert.ok(known === undefined || known === content, `generation ${generation}: ${known}, ${content}`);
      this.#contents.set(generation, content);
    }
    return super.write(at, from);
  }
}

interface Recovered {
  /** Before any correction. */
  readonly code: number;
  readonly remaps: string;
}

const seen = new Map<string, Recovered>();

/** How many different states of a medium were judged so far. */
export function statesJudged(): number {
  return seen.size;
}

const told = (remaps: Iterable<readonly [number, number]>) =>
  [...remaps]
    .sort(([a], [b]) => a - b)
    .map((pair) => pair.join('→'))
    .join(' ');

/** What `check -p` makes of this medium, and what the independent reader finds then. */
async function recover(image: Buffer): Promise<Recovered> {
  const key = createHash('sha1').update(image).digest('hex');
  const known = seen.get(key);
  if (known !== undefined) return known;
  const { p } = judge(image);
  const device = new MemoryDevice(new Uint8Array(image));
  const { exitCode } = await checkDevice(device, 'preen');
  assert.is(exitCode, p, 'the exit code of check -p');
  const after = judge(Buffer.from(device.content));
  assert.equal([after.n, after.why], [0, []], 'a second check is clean');
  const recovered = { code: p, remaps: told(after.truth ?? []) };
  seen.set(key, recovered);
  return recovered;
}

/** Whatever the medium holds if the power is cut now, check -p makes one of these tables of it. */
export async function assertRecovers(
  device: FailingDevice,
  allowed: readonly Remaps[],
  random: Random,
): Promise<void> {
  const wanted = allowed.map((remaps) => told(remaps));
  for (const state of device.statesAfterPowerCut(random)) {
    const { remaps } = await recover(state);
    if (!wanted.includes(remaps)) assert.is(remaps, wanted[0]);
  }
}

/** Nothing is to be corrected, and the table is this one. */
export async function assertWhole(device: FailingDevice, expected: Remaps): Promise<void> {
  const { code, remaps } = await recover(Buffer.from(device.medium));
  assert.equal([code, remaps], [0, told(expected)]);
}
