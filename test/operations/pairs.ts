import { readFileSync, writeFileSync } from 'node:fs';
import type { Mode } from '../../src/check/checker.js';
import { type CheckOutcome, checkSpares, isFailure } from '../../src/operations/check-many.js';
import type { Scratch } from '../device/scratch.js';
import { buildImage, type Entry, type ImageSpec } from '../support/build-image.js';

/** Two spares of one set on image files, as a migration leaves them. */

export const NOW = 1_750_000_000;

const uuid = (fill: number) => Buffer.alloc(16, fill);
export const FROM_UUID = uuid(0xf0);
export const TO_UUID = uuid(0x70);

const ENTRIES: readonly Entry[] = [
  [100, 300],
  [200, 301],
  [50, 302],
];

const BASE = { layout: 'redundant', sectors: 2048, entries: ENTRIES } as const;

/** Retired for TO at generation 8. */
export const FROM: ImageSpec = {
  ...BASE,
  role: 2,
  generation: 8,
  fields: { spare_uuid: FROM_UUID, peer_uuid: TO_UUID, peer_generation: 4 },
};

/** Everything copied, FROM's generation before its retirement recorded: past the commit point. */
export const TO: ImageSpec = {
  ...BASE,
  sectors: 4096,
  role: 1,
  generation: 5,
  fields: { spare_uuid: TO_UUID, peer_uuid: FROM_UUID, peer_generation: 7, migration_cursor: 3 },
};

export function changed(spec: ImageSpec, changes: Partial<ImageSpec>): ImageSpec {
  return { ...spec, ...changes, fields: { ...spec.fields, ...changes.fields } };
}

/** TO as step 5 leaves it, and FROM as a retirement by check leaves it. */
export const SWITCHED = changed(TO, { role: 0, generation: 9, fields: { last_update_time: NOW } });

export class Pair {
  readonly paths: readonly string[];
  #before: readonly Buffer[];

  constructor(scratch: Scratch, ...images: readonly (ImageSpec | Buffer)[]) {
    this.paths = images.map((_, index) => scratch.path(`spare-${index}.img`));
    this.#before = images.map((one) => (Buffer.isBuffer(one) ? one : buildImage(one)));
    this.reset();
  }

  reset(): void {
    this.paths.forEach((path, index) => {
      writeFileSync(path, this.#before[index] ?? '');
    });
  }

  image(index: number): Buffer {
    return readFileSync(this.paths[index] ?? '');
  }

  /** Whether each device still holds what it held. */
  unchanged(): boolean[] {
    return this.paths.map((_, index) => this.image(index).equals(this.#before[index] ?? Buffer.alloc(0)));
  }

  check(mode: Mode): Promise<CheckOutcome[]> {
    return checkSpares(this.paths, { mode, now: BigInt(NOW) });
  }

  /** `code: problems found` of each device. */
  async said(mode: Mode): Promise<string[]> {
    return (await this.check(mode)).map((outcome) =>
      isFailure(outcome)
        ? outcome.error.code
        : `${outcome.exitCode}: ${outcome.found.problems.map(({ id }) => id).join(', ')}`,
    );
  }
}
