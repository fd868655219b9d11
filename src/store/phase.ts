import type { BlockDevice } from '../device/block-device.js';
import { readPastCache } from '../device/past-cache.js';
import { DeviceError } from '../errors.js';
import { type Bytes, bytes, bytesToSectors } from '../units.js';
import type { CopyName } from './copy.js';
import { ChangeFailed, type FailedStep, type PartOf, type Standing } from './failure.js';

/** How much is read back at a time, in bytes. */
const PIECE = 1 << 20;

/** Bytes to be written at a place. */
export interface Write {
  readonly at: Bytes;
  readonly bytes: Uint8Array;
}

/**
 * Writes of which a power cut may leave any part, followed by a flush: what stands in a later phase is not
 * written before the earlier ones are durable (format.md section 4).
 */
export interface Phase {
  /** What it does, for people: "rewrite the backup copy". */
  readonly purpose: string;
  readonly writes: readonly Write[];
  /** The medium has to give it back, or the phase has failed: data that later phases rely on. */
  readonly isReadBack?: true;
  /** Without it, what lies on the device after a failure is not known. */
  readonly ifFails?: IfFails;
}

/** What is to be done when a phase fails, before anybody is told (format.md section 4). */
export interface IfFails {
  /** The copy that is unknown then; undefined where no copy was being written. */
  readonly copy: CopyName | undefined;
  /** Written before all else, as far as it goes: what the failed phase may have left must not be found again. */
  readonly unwrite?: readonly Phase[];
  /** Written then, each made durable: only then does `stands` hold, else nothing is known. */
  readonly secure: readonly Phase[];
  /** Written last, as far as it goes. */
  readonly tidy: readonly Phase[];
  readonly stands: Exclude<Standing, 'unknown'>;
  /** The generation under which it stands, where the plan of a commit knows it. */
  readonly generation?: number;
  /** Where it stands among the parts of a change, where there are several: `stands` is said of its own. */
  readonly partOf?: PartOf;
}

/** Phases that are a part of a change, which may have parts itself. */
export function asPart(phases: readonly Phase[], { before, behind }: PartOf): readonly Phase[] {
  if (!before && !behind) return phases;
  return phases.map((phase) => {
    const { ifFails } = phase;
    if (ifFails === undefined) return phase;
    const inner = ifFails.partOf ?? WHOLE;
    const partOf = { before: before || inner.before, behind: behind || inner.behind };
    return { ...phase, ifFails: { ...ifFails, partOf } };
  });
}

/** One part of a change after the other: should one fail, it is told that the change is made in part. */
export function inParts(parts: readonly (readonly Phase[])[]): Phase[] {
  const real = parts.filter((phases) => phases.length > 0);
  return real.flatMap((phases, index) =>
    asPart(phases, { before: index > 0, behind: index < real.length - 1 }),
  );
}

/** Told before each phase; `done` counts phases. */
export type PhaseProgress = (phase: Phase, done: number, total: number) => void;

export interface CarryOutOptions {
  readonly progress?: PhaseProgress | undefined;
  /** Where the phases stand among the parts of a change, where they are one of several. */
  readonly partOf?: PartOf | undefined;
}

/**
 * Carries out a change that begins with what was just read: that may exist only in a cache, so it is flushed
 * first.
 *
 * @throws ChangeFailed as writePhases
 */
export async function carryOut(
  device: BlockDevice,
  phases: readonly Phase[],
  { progress, partOf = WHOLE }: CarryOutOptions = {},
): Promise<void> {
  // behind other parts this flush, too, fails when something is changed already
  await writePhases(device, asPart([FLUSH_WHAT_WAS_READ], partOf));
  await writePhases(device, asPart(phases, partOf), progress);
}

const WHOLE: PartOf = { before: false, behind: false };

const FLUSH_WHAT_WAS_READ: Phase = {
  purpose: 'flush what was read',
  writes: [],
  ifFails: { copy: undefined, secure: [], tidy: [], stands: 'before' },
};

/**
 * The one place that writes metadata to a device. At the first failure later phases are not begun, and what
 * the failed one asks for is done.
 *
 * @throws ChangeFailed once that is done
 */
export async function writePhases(
  device: BlockDevice,
  phases: readonly Phase[],
  progress: PhaseProgress = () => {},
): Promise<void> {
  for (const [index, phase] of phases.entries()) {
    progress(phase, index, phases.length);
    try {
      await writePhase(device, phase);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      throw new ChangeFailed(device.name, await retreat(device, phase), error);
    }
  }
}

async function writePhase(device: BlockDevice, { writes, isReadBack }: Phase): Promise<void> {
  for (const write of writes) await device.write(write.at, write.bytes);
  await device.flush();
  if (isReadBack) for (const write of writes) await readBack(device, write);
}

/** @throws DeviceError where the medium gives nothing, or something else */
async function readBack(device: BlockDevice, { at, bytes: written }: Write): Promise<void> {
  for (let done = 0; done < written.length; done += PIECE) {
    const wanted = written.subarray(done, done + PIECE);
    const read = new Uint8Array(wanted.length);
    await readPastCache(device, bytes(at + done), read);
    if (Buffer.compare(read, wanted) === 0) continue;
    const wrong = read.findIndex((byte, index) => byte !== wanted[index]);
    throw new DeviceError(device.name, 'read', 'EIO', bytesToSectors(at + done + wrong));
  }
}

/** Does what is to be done after a failure; says what stands on the device then. */
async function retreat(device: BlockDevice, { purpose, ifFails }: Phase): Promise<FailedStep> {
  await writeAll(device, ifFails?.unwrite ?? []);
  if (ifFails === undefined || !(await writeAll(device, ifFails.secure)))
    return { purpose, stands: 'unknown', lost: undefined, generation: undefined };
  await writeAll(device, ifFails.tidy);
  const { stands, copy, generation, partOf } = ifFails;
  return { purpose, stands, lost: copy, generation, partOf };
}

/** Stops at the first phase that fails; whether none did. */
async function writeAll(device: BlockDevice, phases: readonly Phase[]): Promise<boolean> {
  try {
    for (const phase of phases) await writePhase(device, phase);
    return true;
  } catch (error) {
    if (error instanceof DeviceError) return false;
    throw error;
  }
}
