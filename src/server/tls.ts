import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { DmremapError } from '../errors.js';

/** Begins TLS on a socket that nobody reads from; what lies unread in it belongs to TLS. */
export type Secure = (plain: Socket, done: (secured: TLSSocket | Error) => void) => void;

/** Credentials that are read cost more memory and time than a handshake; so many are kept for the next ones. */
const MOST_IDLE = 8;

/**
 * Secures connections as these options say.
 * @throws DmremapError `usage` where certificate and key cannot be used
 */
export function secureWith(options: TlsOptions): Secure {
  const complete: TlsOptions = { minVersion: 'TLSv1.2', ...options };
  // the events of a server do not say which socket they are about: each has one handshake at a time
  const idle: Server[] = [usableServer(complete)];
  return (plain, done) => {
    const server = idle.pop() ?? createServer(complete);
    // exactly one of the two comes, whatever becomes of the socket
    const end = (outcome: TLSSocket | Error): void => {
      server.removeListener('secureConnection', end).removeListener('tlsClientError', end);
      if (idle.length < MOST_IDLE) idle.push(server);
      if (!(outcome instanceof Error)) outcome.allowHalfOpen = true;
      done(outcome);
    };
    server.once('secureConnection', end).once('tlsClientError', end);
    // a client that leaves in the midst of the handshake has to be noticed
    plain.allowHalfOpen = false;
    server.emit('connection', plain);
  };
}

function usableServer(options: TlsOptions): Server {
  try {
    return createServer(options);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new DmremapError('usage', `the TLS credentials cannot be used: ${text}`, { cause: error });
  }
}

/**
 * Reads the X.509 credentials that lie in a folder under the names that qemu, nbdkit and libvirt use:
 * server-cert.pem, server-key.pem, and ca-cert.pem by which clients are verified.
 *
 * @throws DmremapError `usage` where a file is missing
 */
export async function readCertificates(folder: string): Promise<TlsOptions> {
  const cert = await readCredential(join(folder, 'server-cert.pem'));
  const key = await readCredential(join(folder, 'server-key.pem'));
  const ca = await readCredential(join(folder, 'ca-cert.pem'));
  return { cert, key, ca, requestCert: true, rejectUnauthorized: true };
}

/**
 * Reads pre-shared keys, one a line as `NAME:HEX`, as psktool writes them.
 *
 * @throws DmremapError `usage` where the file is missing or a line has another form
 */
export async function readPreSharedKeys(file: string): Promise<TlsOptions> {
  const keys = new Map<string, Buffer>();
  const lines = (await readCredential(file)).toString('utf8').split('\n');
  lines.forEach((text, index) => {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) return;
    const [, name, hex] = /^([^:]+):((?:[0-9a-fA-F]{2})+)$/.exec(line) ?? [];
    if (name === undefined || hex === undefined)
      throw new DmremapError('usage', `${file}: line ${index + 1} is not NAME:HEX`);
    keys.set(name, Buffer.from(hex, 'hex'));
  });
  return { ciphers: PSK_CIPHERS, pskCallback: (_socket, name) => keys.get(name) ?? null };
}

/** Those of TLS 1.3, and those of TLS 1.2 that authenticate by a pre-shared key. */
const PSK_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES128-GCM-SHA256',
  'DHE-PSK-AES256-GCM-SHA384',
].join(':');

async function readCredential(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new DmremapError('usage', `${file} cannot be read`, { cause: error });
  }
}
