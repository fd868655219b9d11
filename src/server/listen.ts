import { createServer, type Server, type Socket } from 'node:net';
import { errnoOf } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import { clearForSocket } from './socket-file.js';
import type { SocketName } from './socket-name.js';

/** Where clients are awaited. */
export type Address =
  | SocketName
  /** A socket that listens already, such as one of systemd's. */
  | { readonly kind: 'inherited'; readonly fd: number };

/** Only the user may connect. */
const SOCKET_UMASK = 0o177;

/** What comes of listening. */
export interface Visits {
  /** A client: its socket is half-open and sends without delay. */
  client(socket: Socket): void;
  /** A client could not be let in, for want of file descriptors for example; the next may. */
  lost(error: Error): void;
}

/** After so many milliseconds of silence a client over TCP is asked whether it is still there. */
const KEEP_ALIVE_AFTER = 60_000;

/**
 * Awaits clients. A Unix socket has mode 0600 from its first moment; one that a dead server has left there is
 * replaced.
 *
 * @throws DmremapError `busy` where the address is taken, `permission`, `usage`
 */
export async function listen(address: Address, visits: Visits): Promise<Server> {
  if (address.kind === 'unix') await clearForSocket(address.path);
  const alive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER };
  const server = createServer({ allowHalfOpen: true, noDelay: true, ...alive }, (socket) =>
    visits.client(socket),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(address, error)));
    server.once('listening', resolve);
    bind(server, address);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => visits.lost(error));
  return server;
}

function bind(server: Server, address: Address): void {
  switch (address.kind) {
    case 'unix': {
      const umask = process.umask(SOCKET_UMASK);
      try {
        server.listen(address.path);
      } finally {
        process.umask(umask);
      }
      return;
    }
    case 'tcp':
      server.listen(address.port, address.host);
      return;
    case 'inherited':
      server.listen({ fd: address.fd });
  }
}

export function addressText(address: Address): string {
  switch (address.kind) {
    case 'unix':
      return address.path;
    case 'tcp':
      return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'inherited':
      return `file descriptor ${address.fd}`;
  }
}

function listenError(address: Address, cause: unknown): DmremapError {
  const errno = errnoOf(cause);
  const where = addressText(address);
  switch (errno) {
    case 'EADDRINUSE':
      return new DmremapError('busy', `${where} is in use`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new DmremapError('permission', `${where} may not be listened on`, { cause });
    default:
      return new DmremapError('usage', `${where} cannot be listened on: ${errno}`, { cause });
  }
}
