/** How a command that failed says so: one decision for text and JSON, with and without the framework. */
import { DmremapError, type ErrorCode, type JsonValue } from '../errors.js';
import { EXIT_FAILED, exitCodeOf } from './exit-codes.js';
import type { JsonObject } from './render/json.js';
import { wrap } from './render/text.js';
import { paint, type Terminal } from './terminal.js';

export interface Failure {
  readonly exitCode: number;
  /** The `error` object of --json. */
  readonly error: JsonObject;
  /** For standard error; ends with a newline. */
  readonly text: (program: string, terminal: Terminal) => string;
}

const REPORT_HINT =
  'This is a bug in dmremap. Please report it, with the output of the same command with --verbose.';

/** The code of an error that nobody expected. */
const UNEXPECTED_CODE: ErrorCode = 'io';

/** Describes what was thrown. With `verbose`, causes and the stack are part of the text. */
export function describeFailure(thrown: unknown, verbose: boolean): Failure {
  const error = knownError(thrown);
  if (error === undefined) {
    return unexpectedFailure(thrown, verbose);
  }
  const { code, message, hint, data } = error;
  return {
    exitCode: exitCodeOf(code),
    error: { code, message, hint, ...withoutFixedKeys(data) },
    text: (program, terminal) => {
      const lines = [`${paint(terminal, 'red', `${program}:`)} ${message}`];
      if (hint !== undefined) {
        lines.push(hintText(hint, terminal));
      }
      if (verbose) {
        lines.push(...causes(error.cause));
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

/** A line to type is kept in one piece, below what leads to it where both do not fit. */
function hintText(hint: string, { width }: Terminal): string {
  const [, lead, typed] = /^(.*): (dmremap .*)$/.exec(hint) ?? [];
  if (lead === undefined || typed === undefined || hint.length <= width) return wrap(hint, width);
  return `${wrap(`${lead}:`, width)}\n  ${typed}`;
}

function unexpectedFailure(thrown: unknown, verbose: boolean): Failure {
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const message = `unexpected failure: ${what}`;
  return {
    exitCode: EXIT_FAILED,
    error: { code: UNEXPECTED_CODE, message, hint: REPORT_HINT, unexpected: true },
    text: (program, terminal) => {
      const lines = [
        `${paint(terminal, 'red', `${program}:`)} ${message}`,
        wrap(REPORT_HINT, terminal.width),
      ];
      if (verbose && thrown instanceof Error) {
        lines.push(thrown.stack ?? what, ...causes(thrown.cause));
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

/** The document that --json prints for a command that ended without a result. */
export function failureDocument(
  command: string,
  failure: Failure,
  warnings: readonly string[] = [],
): JsonObject {
  return {
    command,
    exit_code: failure.exitCode,
    error: failure.error,
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

const CODE_OF_ERRNO: { readonly [errno: string]: ErrorCode } = {
  ENOENT: 'no-such-device',
  ENODEV: 'no-such-device',
  ENXIO: 'no-such-device',
  ENOTDIR: 'no-such-device',
  ENOTBLK: 'not-a-device',
  EISDIR: 'not-a-device',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
  EBUSY: 'busy',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EIO: 'io',
};

/** A typed error, or the one that a system call's error amounts to; undefined for a bug. */
export function knownError(thrown: unknown): DmremapError | undefined {
  if (thrown instanceof DmremapError) {
    return thrown;
  }
  if (!(thrown instanceof Error)) {
    return undefined;
  }
  if (thrown.name === 'AbortError') {
    const { cause } = thrown;
    return cause instanceof DmremapError
      ? cause
      : new DmremapError('cancelled', 'stopped', { cause: thrown });
  }
  if ('syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string') {
    const code = CODE_OF_ERRNO[thrown.code] ?? 'io';
    return new DmremapError(code, thrown.message, { data: { errno: thrown.code }, cause: thrown });
  }
  return undefined;
}

function causes(cause: unknown): string[] {
  const lines: string[] = [];
  for (let next = cause; next instanceof Error && lines.length < 10; next = next.cause) {
    lines.push(`  caused by: ${next.stack ?? next.message}`);
  }
  return lines;
}

function withoutFixedKeys(data: { readonly [key: string]: JsonValue }): {
  readonly [key: string]: JsonValue;
} {
  const { code: _code, message: _message, hint: _hint, ...rest } = data;
  return rest;
}
