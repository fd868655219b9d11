import type { ProblemId } from '../../src/check/catalogue/index.js';
import type { Finding } from '../../src/check/finding.js';
import type { BlockDevice } from '../../src/device/block-device.js';
import { FilterDevice } from '../../src/device/filters/filter-device.js';
import { DeviceError } from '../../src/errors.js';
import type { SurveyOptions } from '../../src/operations/survey.js';
import { type Bytes, SECTOR_SIZE } from '../../src/units.js';
import {
  buildImage,
  type Entry,
  endPlace,
  headerAt,
  type ImageSpec,
  tablePlace,
} from '../support/build-image.js';
import { checksumOf, u32 } from '../support/format-numbers.js';

/** A spare with one thing wrong with it, and what is to be said of it. */
export interface ProblemCase {
  readonly id: ProblemId;
  readonly image: Buffer;
  /** The copies whose checksum is right after the damage: the case is what it says, by another witness. */
  readonly whole: readonly ('primary' | 'backup')[];
  /** Every fact of the finding but its id and, where `detail` is a pattern, that. */
  readonly finds: Omit<Finding, 'id' | 'detail'>;
  readonly detail?: string | RegExp;
  /** What else is found, in the order in which it is told. */
  readonly companions?: readonly ProblemId[];
  readonly options?: SurveyOptions;
  /** The device that holds the image, where it is not just memory. */
  readonly around?: (device: BlockDevice) => BlockDevice;
}

export const ENTRIES: readonly Entry[] = [
  [100, 300],
  [200, 301],
  [50, 302],
];

export const SPEC: ImageSpec = { layout: 'redundant', sectors: 2048, entries: ENTRIES };

/** First byte of the backup header of SPEC, and first sector of its table. */
export const END = 2040 * 512;
export const BACKUP_TABLE = 2008;

/** SPEC with these differences, changed. */
export function spare(spec: Partial<ImageSpec>, change: (image: Buffer) => unknown = () => {}): Buffer {
  const image = buildImage({ ...SPEC, ...spec });
  change(image);
  return image;
}

/** The copies at both ends that have a magic and a checksum that fits. */
export function wholeCopies(image: Buffer): ('primary' | 'backup')[] {
  const places = [
    ['primary', 0],
    ['backup', endPlace(image)],
  ] as const;
  return places.filter(([, place]) => isWhole(image, place)).map(([name]) => name);
}

function isWhole(image: Buffer, place: number): boolean {
  const header = headerAt(image, place);
  if (header.toString('latin1', 0, 8) !== 'DMREMAP3') return false;
  const table = tablePlace(image, place);
  const live = image.subarray(table, table + u32(header, 'entry_count') * 16);
  return checksumOf(header, live) === u32(header, 'checksum');
}

/** Sectors that cannot be read until they are written: a disk puts another sector in the place of a bad one. */
export class HealingDevice extends FilterDevice {
  readonly #bad: Set<number>;

  constructor(inner: BlockDevice, bad: readonly number[]) {
    super(inner);
    this.#bad = new Set(bad);
  }

  override async read(at: Bytes, into: Uint8Array): Promise<void> {
    for (let sector = at / SECTOR_SIZE; sector < (at + into.length) / SECTOR_SIZE; sector++)
      if (this.#bad.has(sector)) throw new DeviceError(this.name, 'read', 'EIO', sector);
    return super.read(at, into);
  }

  override readPastCache(at: Bytes, into: Uint8Array): Promise<boolean> {
    return this.read(at, into).then(() => false);
  }

  override async write(at: Bytes, from: Uint8Array): Promise<void> {
    await super.write(at, from);
    for (let sector = at / SECTOR_SIZE; sector < (at + from.length) / SECTOR_SIZE; sector++)
      this.#bad.delete(sector);
  }
}
