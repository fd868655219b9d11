import { DeviceError } from '../errors.js';
import type { CopyName } from './copy.js';

/** What stands on the device after a change could not be written to its end. */
export type Standing =
  /** What was there before, whole in at least one copy. */
  | 'before'
  /** The change, whole in one copy. */
  | 'after'
  /** Nobody can say: every copy was being written when it failed. */
  | 'unknown';

/** Where a part stands in a change of several, each of which is made for good. */
export interface PartOf {
  /** There are parts before it. */
  readonly before: boolean;
  /** There are parts behind it. */
  readonly behind: boolean;
}

export interface FailedStep {
  /** What was being done, for people. */
  readonly purpose: string;
  readonly stands: Standing;
  /** The copy that is unknown; undefined where no copy was being written, or all were. */
  readonly lost: CopyName | undefined;
  /** Of what stands, where the plan of a commit knows it. */
  readonly generation: number | undefined;
  /** Of a change that has several parts: `stands` is said of the one that failed. */
  readonly partOf?: PartOf | undefined;
}

/** A change that a failing device ended. Says what stands on the device and what to type next. */
export class ChangeFailed extends DeviceError implements FailedStep {
  readonly purpose: string;
  readonly stands: Standing;
  readonly lost: CopyName | undefined;
  readonly generation: number | undefined;

  constructor(device: string, step: FailedStep, cause: DeviceError) {
    super(device, cause.operation, cause.errno, cause.sector, {
      hint: `${sentence(step)}; ${nextLine(device, step, cause.errno)}`,
      data: { step: step.purpose, stands: isPartMade(step) ? 'part' : step.stands },
      cause,
    });
    this.name = 'ChangeFailed';
    this.purpose = step.purpose;
    this.stands = step.stands;
    this.lost = step.lost;
    this.generation = step.generation;
  }
}

/** Whether some of the change stands, but not all of it. */
function isPartMade({ stands, partOf }: FailedStep): boolean {
  return (stands === 'before' && partOf?.before === true) || (stands === 'after' && partOf?.behind === true);
}

function sentence(step: FailedStep): string {
  const { stands, lost, purpose } = step;
  if (stands === 'unknown') return `it failed at this step: ${purpose}; what lies on the device is not known`;
  const what = whatStands(step);
  if (lost === undefined) return what;
  return `${what}, but there is one copy only: the ${lost} copy could not be written`;
}

function whatStands(step: FailedStep): string {
  if (isPartMade(step)) return 'a part of the change is made and nothing is lost';
  return step.stands === 'after' ? 'the change is made' : 'nothing is lost and nothing is changed';
}

function nextLine(device: string, { lost }: FailedStep, errno: string): string {
  const next = errno === 'ENOSPC' ? 'make room, then' : 'next';
  const line = `${next}: dmremap check -p ${device}`;
  if (lost === undefined) return line;
  return `${line}, and where that fails again, before anything else: dmremap dump -o FILE ${device}`;
}
