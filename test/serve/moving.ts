import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { BlockDevice } from '../../src/device/block-device.js';
import { Dice } from '../../src/device/crash/dice.js';
import { ErrorDevice } from '../../src/device/filters/error-device.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import type { MigrationRequest, RemapSet } from '../../src/serve/remap-set.js';
import { bytes } from '../../src/units.js';
import { buildImage, DEFAULTS, type Entry } from '../support/build-image.js';
import { FIELDS, u32 } from '../support/format-numbers.js';
import { LateDevice } from './late-device.js';
import { SECTOR, type Stand, type StandSpec, stand } from './stand.js';

/** A set in use, and a spare that it can move to. */

export const MAIN_SECTORS = 256;
export const TARGET = Buffer.from('aaaaaaaabbbb4ccc8ddd555555555555', 'hex');

export const ENTRIES = [
  ...Array.from({ length: 20 }, (_, index) => [index * 3, 300 + index] as const),
  [100, 350],
  [200, 340],
] as const;

export interface Moving extends Stand {
  readonly targetMedium: MemoryDevice;
  readonly target: ErrorDevice;
  /** The bytes of the target, for changing them. */
  readonly targetImage: Buffer;
}

export async function moving(
  spec: StandSpec & { readonly targetSectors?: number; readonly targetEntries?: readonly Entry[] } = {},
): Promise<Moving> {
  const it = await stand({ entries: ENTRIES, ...spec });
  const image = buildImage({
    layout: 'redundant',
    sectors: spec.targetSectors ?? 600,
    maxEntries: spec.maxEntries ?? 200,
    mainSectors: MAIN_SECTORS,
    role: 1,
    entries: spec.targetEntries ?? [],
    fields: { spare_uuid: TARGET, peer_uuid: DEFAULTS.spareUuid },
  });
  const targetMedium = new MemoryDevice(new Uint8Array(image), { name: 'target' });
  const target = new ErrorDevice(new LateDevice(targetMedium, new Dice(spec.seed ?? 1)));
  return { ...it, targetMedium, target, targetImage: Buffer.from(targetMedium.content.buffer) };
}

/** A request to move to this device, which has the metadata of a target. */
export function towards(target: BlockDevice): MigrationRequest {
  const identity = { setUuid: randomUUID(), spareUuid: randomUUID(), mainId: '' };
  return { identity, prepare: async () => target, ended: () => {} };
}

/** How it has ended. */
export async function ended(set: RemapSet): Promise<string> {
  for (;;) {
    const phase = set.facts.migration?.phase ?? 'none';
    if (['done', 'cancelled', 'failed', 'none'].includes(phase)) return phase;
    await delay(1);
  }
}

export function headerOf({ content }: MemoryDevice) {
  const image = Buffer.from(content);
  const [peerAt] = FIELDS.peer_uuid;
  return {
    role: u32(image, 'role'),
    state: u32(image, 'state'),
    generation: u32(image, 'generation'),
    peer: image.subarray(peerAt, peerAt + 16),
  };
}

export const data = (fill: number, count = 1) => new Uint8Array(count * SECTOR).fill(fill);
export const at = (sector: number) => bytes(sector * SECTOR);
