import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Node's own object for a connection, of which its types know nothing. */
export interface Handle {
  /** Below zero once it is closed. */
  readonly fd?: number;
}

export interface WithHandle {
  _handle?: Handle | null;
}

/**
 * The descriptor of a connection, to be asked for each time: once it is closed its number may be another's.
 * Undefined where bytes do not go to it as they are, or it is closed.
 */
export function descriptorOf(socket: Socket): number | undefined {
  if (socket instanceof TLSSocket) return undefined;
  const fd = (socket as WithHandle)._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
