import { getPriority, setPriority } from 'node:os';

/** Nice values: what a process has that nobody has given one, and what a server takes instead. */
const [USUAL, AHEAD] = [0, -10];

let isAhead = false;

/**
 * Puts this process ahead of those that compute, as other servers of block devices are: file systems wait for
 * it, and where its clients share a processor with it they are not served any faster for that. What was chosen
 * for it stays, and so does all where it is not allowed.
 */
export function goAhead(): void {
  if (getPriority() === USUAL) isAhead = set(AHEAD);
}

/** Does this as a process that is not ahead: what it starts is none of the server. */
export function notAhead<Result>(work: () => Result): Result {
  if (!isAhead) return work();
  set(USUAL);
  try {
    return work();
  } finally {
    set(AHEAD);
  }
}

/** False where it is not allowed. */
function set(nice: number): boolean {
  try {
    setPriority(nice);
    return true;
  } catch {
    return false;
  }
}
