import type { Mode } from '../check/checker.js';
import type { Problem } from '../check/finding.js';
import type { Diagnosis } from './diagnose.js';
import type { FullOptions } from './full-diagnosis.js';
import type { MainDevice } from './main-device.js';

export interface CheckOptions extends Pick<FullOptions, 'media' | 'module' | 'progress' | 'now' | 'undo'> {
  readonly mode: Mode;
  readonly main?: MainDevice | undefined;
  /** Sectors of main of which a kernel log tells failed requests. */
  readonly logged?: readonly number[] | undefined;
  /** Raised where the check is to stop before it writes. */
  readonly signal?: AbortSignal | undefined;
  /** Runs what must not be left half done: reading can be stopped at any time, a correction is finished. */
  readonly uninterrupted?: (<Result>(work: () => Promise<Result>) => Promise<Result>) | undefined;
}

/** What reading alone has shown of one spare. */
export interface Examined {
  readonly device: string;
  /** The same for two names of one device. */
  readonly key: string;
  /** What to call the device in a line that may be typed later. */
  readonly lastingName: string;
  readonly found: Diagnosis;
  /** Beside the problems. */
  readonly warnings: readonly string[];
}

export interface CheckReport extends Examined {
  /** As it is now: the same where nothing was corrected. */
  readonly now: Diagnosis;
  /** Problems that were corrected, and what was written for them. */
  readonly corrected: readonly Problem[];
  readonly done: readonly string[];
  /** Problems that are there now. */
  readonly remaining: readonly Problem[];
  readonly exitCode: number;
}
