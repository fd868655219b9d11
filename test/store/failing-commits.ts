import { createHash } from 'node:crypto';
import type { Mode } from '../../src/check/checker.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import type { Bytes } from '../../src/units.js';
import { checkDevice } from '../check/check-device.js';
import { type Entry, endPlace } from '../support/build-image.js';
import { u32, u64 } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import type { Random } from '../support/random.js';
import { judge } from '../support/reader.js';
import { FailingDevice, type Failure, type Reaches } from './failing-device.js';

/** What must be so on a device after each answer of a writer, judged by the independent reader. */

export const ENTRIES: readonly Entry[] = Array.from(
  { length: 200 },
  (_, index): Entry => [index * 9, 24 + index],
);

export const REDUNDANT = { layout: 'redundant', sectors: 384, maxEntries: 300, entries: ENTRIES } as const;
export const PLAIN = { ...REDUNDANT, layout: 'plain' } as const;

/** Bytes between the two copies, which say nothing about the metadata. */
const DATA_AREA = { from: 12_288, to: 184_320 } as const;

export type Remaps = ReadonlyMap<number, number>;

export const REMAPS: Remaps = new Map(ENTRIES.map(([main, spare]) => [Number(main), Number(spare)]));

/** Each generation names one content, whatever fails: every header that is written is held against that. */
export class WatchedDevice extends FailingDevice {
  readonly #contents = new Map<number, string>();
  readonly #headers: readonly number[];

  constructor(image: Buffer) {
    super(image);
    this.#headers = [0, endPlace(image)];
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

/** How much of what a failure meets reaches the medium: all kinds. */
export const REACHES: readonly Reaches[] = ['nothing', 'everything', 'even', 'odd'];

/** Each of the first requests, failing once or from then on. */
export function* failures(requests: number): Generator<Failure> {
  for (const reaches of REACHES)
    for (const times of [1, Number.POSITIVE_INFINITY])
      for (let from = 0; from < requests; from++) yield { from, times, reaches };
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

/** What check makes of this medium, and what the independent reader finds then. */
async function recover(image: Buffer, mode: Mode): Promise<Recovered> {
  const { from, to } = DATA_AREA;
  const metadata = createHash('sha1').update(image.subarray(0, from)).update(image.subarray(to));
  const key = `${mode} ${image.length} ${metadata.digest('hex')}`;
  const known = seen.get(key);
  if (known !== undefined) return known;
  const { p, y } = judge(image);
  const code = mode === 'preen' ? p : y;
  const device = new MemoryDevice(new Uint8Array(image));
  const { exitCode } = await checkDevice(device, mode);
  assert.is(exitCode, code, `the exit code of check in mode ${mode}`);
  const after = judge(Buffer.from(device.content));
  assert.equal([after.n, after.why], [0, []], 'a second check is clean');
  const recovered = { code, remaps: told(after.truth ?? []) };
  seen.set(key, recovered);
  return recovered;
}

/** Whatever the medium holds if the power is cut now, check makes one of these tables of it. */
export async function assertRecovers(
  device: FailingDevice,
  allowed: readonly Remaps[],
  random: Random,
  mode: Mode = 'preen',
): Promise<void> {
  await assertEach(device.statesAfterPowerCut(random), allowed, mode);
}

/** The same for a power cut at any time since it was told to fail. */
export async function assertRecoveredAlways(
  device: FailingDevice,
  allowed: readonly Remaps[],
  mode: Mode = 'preen',
): Promise<void> {
  await assertEach(device.cut, allowed, mode);
}

async function assertEach(media: Iterable<Buffer>, allowed: readonly Remaps[], mode: Mode): Promise<void> {
  const wanted = allowed.map((remaps) => told(remaps));
  for (const state of media) {
    const { remaps } = await recover(state, mode);
    if (!wanted.includes(remaps)) assert.is(remaps, wanted[0]);
  }
}

/** Nothing is to be corrected, and the table is this one. */
export async function assertWhole(device: FailingDevice, expected: Remaps): Promise<void> {
  const { code, remaps } = await recover(Buffer.from(device.medium), 'preen');
  assert.equal([code, remaps], [0, told(expected)]);
}
