import type { BlockDevice } from '../device/block-device.js';
import type { Bytes } from '../units.js';

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
}

/** Told before each phase; `done` counts phases. */
export type PhaseProgress = (phase: Phase, done: number, total: number) => void;

/**
 * The one place that writes metadata to a device. Begins with a flush: what was read may exist only in a
 * cache. Throws DeviceError at the first failure; later phases are then not begun.
 */
export async function carryOut(
  device: BlockDevice,
  phases: readonly Phase[],
  progress: PhaseProgress = () => {},
): Promise<void> {
  await device.flush();
  for (const [index, phase] of phases.entries()) {
    progress(phase, index, phases.length);
    for (const write of phase.writes) await device.write(write.at, write.bytes);
    await device.flush();
  }
}
