import { connect } from 'node:net';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';

/**
 * Sends one message to the server behind a control socket; its answer, one line without its end.
 *
 * @throws DmremapError `no-such-device` where there is no server, `permission`, `io` where it ends in the midst
 */
export async function ask(path: string, message: string): Promise<string> {
  const socket = connect(path);
  try {
    socket.write(`${message}\n`);
    let answer = '';
    for await (const chunk of socket.setEncoding('utf8')) {
      answer += chunk;
      const end = answer.indexOf('\n');
      if (end >= 0) return answer.slice(0, end);
    }
  } catch (error) {
    throw askError(path, error);
  } finally {
    socket.destroy();
  }
  throw new DmremapError('io', `the server behind ${path} ended before it answered`);
}

function askError(path: string, cause: unknown): DmremapError {
  const errno = errnoOf(cause);
  switch (errno) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new DmremapError('no-such-device', `no server answers on ${path}`, { cause });
    case 'EACCES':
      return new DmremapError('permission', `${path} may not be used`, { cause });
    default:
      return new DmremapError('io', `the server behind ${path} cannot be asked: ${errno}`, { cause });
  }
}
