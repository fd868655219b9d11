import { COMMAND_FLAG, ERROR, type NbdError } from './protocol.js';
import type { Request } from './request.js';

/** The system's names of errors that mean something else to a client than that the medium failed. */
const NAMED: ReadonlyMap<string, NbdError> = new Map([
  ['EPERM', ERROR.EPERM],
  ['EACCES', ERROR.EPERM],
  ['EROFS', ERROR.EPERM],
  ['ENOMEM', ERROR.ENOMEM],
  ['ENOSPC', ERROR.ENOSPC],
  ['EDQUOT', ERROR.ENOSPC],
  ['EFBIG', ERROR.ENOSPC],
  ['ESHUTDOWN', ERROR.ESHUTDOWN],
]);

/**
 * The protocol's error (“Error values”) for what a system call has said about a request. A request that is
 * carried out keeps the rules, so EINVAL and its like are our own failure and none of the client's.
 * @param errno such as EIO
 */
export function errorFor(errno: string, request: Request): NbdError {
  const unsupported = errno === 'ENOTSUP' || errno === 'EOPNOTSUPP';
  // only a client that asks for speed can do something else
  if (unsupported && request.has(COMMAND_FLAG.FAST_ZERO)) return ERROR.ENOTSUP;
  return NAMED.get(errno) ?? ERROR.EIO;
}
