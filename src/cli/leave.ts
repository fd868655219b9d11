/**
 * The end of the process. Node waits at exit for requests that its thread pool has begun: one sector that a
 * dying disk retries for a minute, or a disk that is gone, would hold back an exit code that is long known.
 */
import { EXIT_FAILED } from './exit-codes.js';
import { STOP_SIGNALS } from './stop-signals.js';

type ExitNow = (code: number) => void;

let isLeaving = false;
let isTerminalGone = false;
let loadExitNow: () => Promise<ExitNow | undefined> = async () => undefined;

/**
 * Tells how to end the process without waiting for its threads (_exit(2)), which Node has no call for. It is
 * loaded only where a request is stuck.
 */
export function provideExitNow(load: () => Promise<ExitNow | undefined>): void {
  loadExitNow = load;
}

/** Ends the process with this code, also while a request to a device is stuck. Output must be written. */
export async function leave(code: number): Promise<void> {
  isLeaving = true;
  // From here on a signal ends the process in the way of the system: exit may wait, and runs no listener.
  for (const name of STOP_SIGNALS) {
    process.removeAllListeners(name);
  }
  if (hasPendingFileRequests() || isTerminalGone) {
    const exitNow = await loadExitNow().catch(() => undefined);
    exitNow?.(code);
  }
  process.exit(code);
}

/**
 * SIGHUP came, or the input of a terminal has ended. Node's own exit wants to put the terminal in order, and
 * aborts the process when it is gone.
 */
export function noteHangUp(): void {
  isTerminalGone = true;
}

/** Says so, and fails, when the event loop runs dry before the program has come to `leave`. */
export function guardAgainstSilentEnd(program: string): void {
  process.on('exit', () => {
    if (!isLeaving) {
      process.exitCode = EXIT_FAILED;
      process.stderr.write(`${program}: ended before it was done. This is a bug; please report it.\n`);
    }
  });
}

/** Reports what nobody caught, once, and ends the process with the code that the report gives. */
export function reportUncaught(report: (thrown: unknown) => Promise<number>): void {
  let isReported = false;
  process.on('uncaughtException', (thrown) => {
    // What breaks after the outcome is known, such as a stream of a terminal that was closed, changes nothing.
    if (isReported || isLeaving) return;
    isReported = true;
    void report(thrown).then(leave);
  });
}

function hasPendingFileRequests(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}
