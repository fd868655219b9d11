import { Dice } from '../../src/device/crash/dice.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import type { RemapMode } from '../../src/remap/policy.js';
import { RemapSet } from '../../src/serve/remap-set.js';
import type { Remapping } from '../../src/serve/sector-events.js';
import { buildImage, type Entry } from '../support/build-image.js';
import { judge } from '../support/reader.js';
import { LateDevice } from './late-device.js';

/** A set over devices in memory that fail as a test asks. */

export const SECTOR = 512;

export interface StandSpec {
  readonly seed?: number;
  readonly mainSectors?: number;
  readonly maxEntries?: number;
  readonly entries?: readonly Entry[];
  readonly physicalBlockSize?: number;
  readonly remap?: RemapMode;
  readonly layout?: 'redundant' | 'plain' | 'plain-ext';
  readonly spareSectors?: number;
  /** Told of each remap that is made without being asked for. */
  readonly remapped?: (remapping: Remapping) => void;
}

export interface Stand {
  readonly set: RemapSet;
  readonly mainMedium: MemoryDevice;
  readonly spareMedium: MemoryDevice;
  readonly main: ErrorDevice;
  readonly spare: ErrorDevice;
}

export const NOW = 1_750_000_000n;

export async function stand(spec: StandSpec = {}): Promise<Stand> {
  const { seed = 1, mainSectors = 256, maxEntries = 200, entries = [], physicalBlockSize = 512 } = spec;
  const dice = new Dice(seed);
  const content = dice.bytes(mainSectors * SECTOR);
  const mainMedium = new MemoryDevice(content, { name: 'main', physicalBlockSize });
  const image = buildImage({
    layout: spec.layout ?? 'redundant',
    sectors: spec.spareSectors ?? 512,
    maxEntries,
    entries,
    mainSectors,
  });
  const spareMedium = new MemoryDevice(new Uint8Array(image), { name: 'spare' });
  const main = new ErrorDevice(new LateDevice(mainMedium, dice));
  const spare = new ErrorDevice(new LateDevice(spareMedium, dice));
  const told = spec.remapped === undefined ? {} : { remapped: spec.remapped };
  const set = await RemapSet.open(main, spare, { ...settings(spec.remap), ...told });
  return { set, mainMedium, spareMedium, main, spare };
}

export function settings(remap: RemapMode = 'write') {
  return { remap, readOnly: false, rotational: false, saveInterval: 1_000_000, now: () => NOW } as const;
}

/** What the remapped device holds by the word of the independent reader. */
export function remapped({ mainMedium, spareMedium }: Pick<Stand, 'mainMedium' | 'spareMedium'>): Uint8Array {
  const { truth } = judge(Buffer.from(spareMedium.content));
  const content = new Uint8Array(mainMedium.content);
  for (const [main, spare] of truth ?? [])
    content.set(spareMedium.content.subarray(spare * SECTOR, (spare + 1) * SECTOR), main * SECTOR);
  return content;
}
