import type { Bytes } from '../units.js';
import type { MetaContext } from './contexts.js';
import { TRANSMISSION_FLAG } from './protocol.js';

/** What a client can attach to. */
export interface Export {
  /** At most 4096 bytes of UTF-8, as all strings of the protocol. */
  readonly name: string;
  /** For people; as long at most. */
  readonly description: string;
  readonly size: Bytes;
  readonly readOnly: boolean;
  readonly rotational: boolean;
  /** What one connection has flushed, all have flushed. */
  readonly multiConn: boolean;
  /** A power of two, at least 512: the length from which on requests need no reading before writing. */
  readonly preferredBlock: Bytes;
}

/** What a client and the server have agreed on when transmission begins. */
export interface Agreement {
  readonly export: Export;
  readonly structuredReplies: boolean;
  /** In the order of their ids. */
  readonly contexts: readonly MetaContext[];
}

/** The export of this name. The empty name is the default: the first. */
export function findExport(exports: readonly Export[], name: string): Export | undefined {
  return name === '' ? exports[0] : exports.find((candidate) => candidate.name === name);
}

/** The features that the server offers on this export (“Transmission flags”). */
export function transmissionFlags(exported: Export, structuredReplies: boolean): number {
  const flag = TRANSMISSION_FLAG;
  const writing = exported.readOnly
    ? flag.READ_ONLY
    : flag.SEND_TRIM | flag.SEND_WRITE_ZEROES | flag.SEND_FAST_ZERO;
  return (
    flag.HAS_FLAGS |
    flag.SEND_FLUSH |
    flag.SEND_FUA |
    flag.SEND_CACHE |
    writing |
    (exported.rotational ? flag.ROTATIONAL : 0) |
    (structuredReplies ? flag.SEND_DF : 0) |
    (exported.multiConn ? flag.CAN_MULTI_CONN : 0)
  );
}
