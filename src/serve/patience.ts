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
