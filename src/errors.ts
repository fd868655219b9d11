/**
 * Inability is an error; damage is data (see check/problem.ts). Every error that a user can meet has one of
 * the codes below, which docs/reference.md lists and scripts match on: they are frozen.
 */
export const ERROR_CODES = [
  'usage',
  'no-terminal',
  'cancelled',
  'no-such-device',
  'not-a-device',
  'permission',
  'too-small',
  'busy',
  'not-dmremap3',
  'unsupported',
  'wrong-device',
  'wrong-main',
  'retired',
  'incomplete',
  'ambiguous',
  'io',
  'no-space',
  'undo-unavailable',
  'changed-since',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Values that survive JSON; bigint is written as an exact integer. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

export interface ErrorDetails {
  /** What to do next: a sentence or the command to type. */
  readonly hint?: string;
  /** Facts for scripts, printed in the `error` object of --json beside code and message. */
  readonly data?: { readonly [key: string]: JsonValue };
  readonly cause?: unknown;
}

export class DmremapError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: { readonly [key: string]: JsonValue };

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DmremapError';
    this.code = code;
    this.hint = details.hint;
    this.data = details.data ?? {};
  }
}

/** A device that could not be read, written or flushed at a place. */
export class DeviceError extends DmremapError {
  readonly operation: 'read' | 'write' | 'flush';
  /** The system's name of the failure, such as EIO or ENOSPC. */
  readonly errno: string;
  /** First sector (512 bytes) of the request that failed; undefined for a flush. */
  readonly sector: number | undefined;

  constructor(
    device: string,
    operation: 'read' | 'write' | 'flush',
    errno: string,
    sector: number | undefined,
    details: ErrorDetails = {},
  ) {
    const where = sector === undefined ? '' : ` at sector ${sector} (byte ${sector * 512})`;
    super(errno === 'ENOSPC' ? 'no-space' : 'io', `${device}: ${operation} failed${where}: ${errno}`, {
      ...details,
      data: { device, operation, errno, ...(sector === undefined ? {} : { sector }), ...details.data },
    });
    this.name = 'DeviceError';
    this.operation = operation;
    this.errno = errno;
    this.sector = sector;
  }
}
