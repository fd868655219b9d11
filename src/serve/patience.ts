import { setTimeout as delay } from 'node:timers/promises';
import { DmremapError } from '../errors.js';

/** So long a target may take over one request, in milliseconds: nobody who uses the set waits longer for it. */
const PATIENCE = 5000;

/**
 * What `work` comes to, unless nothing is heard of it for too long; it may go on then, but nobody waits for it.
 *
 * @param who does not answer, for the message
 * @param work is given what tells that it goes on, and what is raised when nobody waits any more
 * @throws DmremapError `io`
 */
export function patiently<Result>(
  who: string,
  work: (goesOn: () => void, givenUp: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const giving = new AbortController();
  return new Promise((resolve, reject) => {
    const late = (): void => {
      const failure = new DmremapError('io', `${who} does not answer`);
      giving.abort(failure);
      reject(failure);
    };
    let timer = setTimeout(late, PATIENCE);
    const goesOn = (): void => {
      clearTimeout(timer);
      if (!giving.signal.aborted) timer = setTimeout(late, PATIENCE);
    };
    void work(goesOn, giving.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

/** Whether `work` ends well within so many milliseconds. */
export async function endsWithin(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const stopping = new AbortController();
  const late = delay(milliseconds, false, { signal: stopping.signal }).catch(() => false);
  const ended = work.then(
    () => true,
    () => false,
  );
  const isInTime = await Promise.race([ended, late]);
  stopping.abort();
  return isInTime;
}
