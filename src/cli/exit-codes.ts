import type { ErrorCode } from '../errors.js';

/** The fsck(8) bits: codes of several devices are combined with OR. */
export const EXIT_OK = 0;
/** Problems were found and all of them were corrected. */
export const EXIT_CORRECTED = 1;
/** Problems remain, or some data was lost. */
export const EXIT_PROBLEMS = 4;
/** It could not be done. */
export const EXIT_FAILED = 8;
/** The command line was wrong, or a question came up with no terminal to ask it on. */
export const EXIT_USAGE = 16;
/** Answered no, Ctrl-C, SIGTERM. */
export const EXIT_CANCELLED = 32;

const EXIT_CODES: { readonly [code in ErrorCode]: number } = {
  usage: EXIT_USAGE,
  'no-terminal': EXIT_USAGE,
  cancelled: EXIT_CANCELLED,
  'no-such-device': EXIT_FAILED,
  'not-a-device': EXIT_FAILED,
  permission: EXIT_FAILED,
  'too-small': EXIT_FAILED,
  busy: EXIT_FAILED,
  'not-dmremap3': EXIT_FAILED,
  unsupported: EXIT_FAILED,
  'wrong-device': EXIT_FAILED,
  'wrong-main': EXIT_FAILED,
  retired: EXIT_FAILED,
  incomplete: EXIT_FAILED,
  ambiguous: EXIT_FAILED,
  io: EXIT_FAILED,
  'no-space': EXIT_FAILED,
  'undo-unavailable': EXIT_FAILED,
  'changed-since': EXIT_FAILED,
};

/** The exit code of a command that ended with this error. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code];
}

/** The exit code of a command that looked at several devices. */
export function combineExitCodes(codes: Iterable<number>): number {
  let combined = EXIT_OK;
  for (const code of codes) {
    combined |= code;
  }
  return combined;
}
