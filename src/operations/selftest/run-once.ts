import { type Instant, Recording } from '../../device/crash/recording.js';
import { DmremapError } from '../../errors.js';
import type { Standing } from '../../store/failure.js';
import { Stage, type Start } from './stage.js';
import type { Witness } from './witness.js';

/** Work on a spare; it calls stage.answer() for each commit that it is told to be durable. */
export type Work = (stage: Stage) => Promise<void>;

/** What was recorded of one piece of work, and what may be found after a power cut. */
export interface Run {
  readonly instants: readonly Instant[];
  /** What the witness says at the beginning and after each commit; of the last one it may never have been told. */
  readonly stood: readonly (string | undefined)[];
  /** Commits that hold at the end, at least and at most: what the work itself has said of them. */
  readonly end: { readonly least: number; readonly most: number };
  readonly flushes: number;
  /** Why the work cannot be done from this start. */
  readonly refused: string | undefined;
  /** What went wrong without any power cut. */
  readonly wrong: string | undefined;
}

/** A flush that fails, and what stood after each commit where none did. */
export interface Failure {
  readonly flush: number;
  readonly stood: readonly (string | undefined)[];
}

/** Does the work once, and records it. */
export async function runOnce(start: Start, work: Work, witness: Witness, failure?: Failure): Promise<Run> {
  const recording = new Recording(failure?.flush);
  const stood: (string | undefined)[] = [];
  return Stage.run(
    start,
    recording,
    async (stage) => {
      stood.push(await witness.tell(stage.device));
      const failed = await attempt(work, stage);
      const said = saidBy(failed);
      // what a failure has left may be the change, or a part of it that stands for the whole
      const changed = failed !== undefined && said !== 'before';
      if (changed && failure === undefined) stood.push(await witness.tell(stage.device));
      const { answered, flushes } = recording;
      // a failure that could not happen by itself is a defect of the work, unless something cannot be written
      const unexpected = failed !== undefined && failure === undefined && start.faults === undefined;
      return {
        instants: recording.end(),
        stood: failure?.stood ?? stood,
        end: {
          least: said === 'after' ? answered + 1 : answered,
          most: failed === undefined || said === 'before' ? answered : answered + 1,
        },
        flushes,
        refused: unexpected ? failed.message : undefined,
        wrong: contradiction(stood, failure),
      };
    },
    async (stage) => void stood.push(await witness.tell(stage.device)),
  );
}

/** Inability is an answer; everything else is a crash of the program. */
async function attempt(work: Work, stage: Stage): Promise<DmremapError | undefined> {
  try {
    await work(stage);
    return undefined;
  } catch (error) {
    if (error instanceof DmremapError) return error;
    throw error;
  }
}

/** What stands on the device by the word of a failure; a part is some of the change, and nothing of it is lost. */
function saidBy(failed: DmremapError | undefined): Standing | 'part' | undefined {
  const { stands } = failed?.data ?? {};
  const known = ['before', 'after', 'part', 'unknown'] as const;
  return known.find((one) => one === stands);
}

/** What was told to be committed in a run with a failing flush must be what is committed without it. */
function contradiction(
  stood: readonly (string | undefined)[],
  failure: Failure | undefined,
): string | undefined {
  const index = stood.findIndex((one, at) => failure !== undefined && one !== failure.stood[at]);
  return index < 0 ? undefined : `after ${index} commits it holds something else than without the failure`;
}
