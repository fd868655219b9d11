import { type Status, statusLine } from '../../operations/status.js';
import type { JsonObject } from './json.js';

/** The fields of the status line for --json; null where no copy of the metadata is valid. */
export function statusJson(status: Status | undefined): JsonObject {
  return { status: status === undefined ? null : { ...status, line: statusLine(status) } };
}
