import { setTimeout as delay } from 'node:timers/promises';

/** A range of bytes that a request holds, or waits for. */
export interface RangeLock {
  readonly from: number;
  /** Behind the last byte. */
  readonly end: number;
  /** Not shared with others. */
  readonly alone: boolean;
}

interface Waiting extends RangeLock {
  readonly grant: (lock: RangeLock) => void;
}

/**
 * Lets overlapping requests take effect one after the other, in the order in which they came: readers share,
 * a writer is alone. Nobody waits for a request that he does not overlap, nor for one that came after him.
 */
export class RangeLocks {
  readonly #held: RangeLock[] = [];
  #waiting: Waiting[] = [];
  #writers = 0;

  /** Whether nobody writes to these bytes or waits to. */
  isQuiet(from: number, end: number): boolean {
    if (this.#writers === 0) return true;
    const isWriter = (lock: RangeLock): boolean => lock.alone && lock.from < end && lock.end > from;
    return !this.#held.some(isWriter) && !this.#waiting.some(isWriter);
  }

  /** Whether nobody uses these bytes or waits to. */
  isFree(from: number, end: number): boolean {
    const overlaps = (lock: RangeLock): boolean => lock.from < end && lock.end > from;
    return !this.#held.some(overlaps) && !this.#waiting.some(overlaps);
  }

  /** The lock, or the promise of it where somebody is in the way. */
  acquire(from: number, end: number, alone: boolean): RangeLock | Promise<RangeLock> {
    if (alone) this.#writers++;
    const lock = { from, end, alone };
    if (!blocks(this.#held, lock) && !blocks(this.#waiting, lock)) {
      this.#held.push(lock);
      return lock;
    }
    return new Promise((grant) => this.#waiting.push({ ...lock, grant }));
  }

  /** As acquire(); undefined where it is not granted within so many milliseconds: then nobody waits for it. */
  async acquireWithin(milliseconds: number, { from, end, alone }: RangeLock): Promise<RangeLock | undefined> {
    const lock = this.acquire(from, end, alone);
    const waiting = this.#waiting.at(-1);
    if (!(lock instanceof Promise) || waiting === undefined) return lock;
    const stopping = new AbortController();
    const late = delay(milliseconds, undefined, { signal: stopping.signal }).catch(() => undefined);
    const granted = await Promise.race([lock, late]);
    stopping.abort();
    if (granted === undefined) this.#forgo(waiting);
    return granted;
  }

  #forgo(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((one) => one !== waiting);
    if (waiting.alone) this.#writers--;
    this.#grant(waiting);
  }

  release(lock: RangeLock): void {
    const index = this.#held.indexOf(lock);
    const last = this.#held.pop();
    if (last !== undefined && index < this.#held.length) this.#held[index] = last;
    if (lock.alone) this.#writers--;
    if (this.#waiting.length > 0) this.#grant(lock);
  }

  /** Gives what is free now to those who wait, the first first: only those whom this lock was in the way of. */
  #grant({ from, end }: RangeLock): void {
    const still: Waiting[] = [];
    for (const one of this.#waiting)
      if (one.from >= end || one.end <= from || blocks(this.#held, one) || blocks(still, one))
        still.push(one);
      else {
        this.#held.push(one);
        one.grant(one);
      }
    this.#waiting = still;
  }
}

/** Whether one of these, which came before, keeps it waiting. */
function blocks(earlier: readonly RangeLock[], { from, end, alone }: RangeLock): boolean {
  for (const lock of earlier) if (lock.from < end && lock.end > from && (alone || lock.alone)) return true;
  return false;
}
