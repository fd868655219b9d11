import { Socket } from 'node:net';
import { receiveNow } from '../device/moving-now.js';
import { errnoName } from '../device/syscalls.js';
import type { WithHandle } from './handle.js';

/** As much as is read from a socket at a time, in bytes. */
const LENGTH = 1 << 18;

/** What was read last, from whichever socket. */
const shared = new Uint8Array(LENGTH);

/**
 * The same connection as another socket, without `data` events: what comes is read into memory that all
 * connections share, where Node would have new memory for each piece, which costs more than to read it. Where
 * this Node does not let go of its connections the socket itself is returned.
 *
 * @param accepted in the turn of the event loop in which it came
 * @param take called with what was read, which is gone when it returns
 */
export function sharingReads(accepted: Socket, take: (chunk: Uint8Array) => void): Socket {
  const { _handle: handle } = accepted as WithHandle;
  if (typeof handle !== 'object' || handle === null) {
    accepted.on('data', take);
    return accepted;
  }
  const onread = {
    buffer: shared,
    callback: (length: number): boolean => {
      take(shared.subarray(0, length));
      return true;
    },
  };
  (accepted as WithHandle)._handle = null;
  accepted.destroy();
  const options: object = { handle, allowHalfOpen: true, onread };
  return new Socket(options);
}

/**
 * What has come over such a connection that Node has not read; gone as that is. Undefined where there is nothing;
 * an error where the connection has failed, which Node does not come to know.
 */
export function readShared(fd: number): Uint8Array | Error | undefined {
  const length = receiveNow(fd, shared);
  if (length < 0) return new Error(`read ${errnoName(-length)}`);
  return length === 0 ? undefined : shared.subarray(0, length);
}
