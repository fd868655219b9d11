import { allEnded } from '../device/all-ended.js';
import type { BlockDevice } from '../device/block-device.js';
import { readParts } from '../device/parts.js';
import { DeviceError } from '../errors.js';
import { type Run, route } from '../remap/route.js';
import { type Group, scatter, sideBySide } from '../remap/side-by-side.js';
import type { Bytes } from '../units.js';
import type { SpareMedium } from './spare-medium.js';
import type { SpareSide } from './spare-side.js';

/** What a part of a request has met. */
export interface RunFailure {
  readonly run: Run;
  readonly error: DeviceError;
}

type Medium = Pick<SpareMedium, 'read' | 'readAtOnce'>;

/**
 * Reads whole sectors of the remapped device, all their runs at a time and what lies side by side on the spare
 * together; returns what failed.
 */
export async function readRuns(
  main: BlockDevice,
  { entries, medium }: SpareSide,
  at: Bytes,
  into: Uint8Array,
): Promise<readonly RunFailure[]> {
  const runs = route(entries, at, into.length);
  const failures: RunFailure[] = [];
  const only = runs.length === 1 ? runs[0] : undefined;
  if (only !== undefined) await readRun(only.on === 'main' ? main : medium, only, into, failures);
  else
    await allEnded([
      readMain(main, runs.filter(isOnMain), into, failures),
      ...sideBySide(runs)
        .filter((group) => !medium.readAtOnce(group, into))
        .map((group) => readGroup(medium, group, into, failures)),
    ]);
  return failures;
}

async function readMain(
  main: BlockDevice,
  runs: readonly Run[],
  into: Uint8Array,
  failures: RunFailure[],
): Promise<void> {
  for (const { part, error } of await readParts(main, runs, into)) failures.push({ run: part, error });
}

async function readRun(
  side: BlockDevice | Medium,
  run: Run,
  into: Uint8Array,
  failures: RunFailure[],
): Promise<void> {
  try {
    await side.read(run.at, partOf(into, run));
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    failures.push({ run, error });
  }
}

async function readGroup(
  medium: Medium,
  group: Group,
  into: Uint8Array,
  failures: RunFailure[],
): Promise<void> {
  const { at, length, runs } = group;
  const only = runs.length === 1 ? runs[0] : undefined;
  if (only !== undefined) return readRun(medium, only, into, failures);
  const together = new Uint8Array(length);
  try {
    await medium.read(at, together);
    scatter(group, together, into);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    for (const run of runs) failures.push({ run, error });
  }
}

export function isOnMain({ on }: Run): boolean {
  return on === 'main';
}

/** Those bytes of a request that a run has. */
export function partOf(request: Uint8Array, { from, length }: Run): Uint8Array {
  return request.subarray(from, from + length);
}
