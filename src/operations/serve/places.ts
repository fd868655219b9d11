import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { makeRunFolder, socketsOf } from '../../control/places.js';
import { DmremapError } from '../../errors.js';
import { type Header, hasExtension, ZERO_UUID } from '../../format/header.js';
import { inheritedSockets } from '../../server/activation.js';
import type { Address } from '../../server/listen.js';
import { type SocketName, socketName } from '../../server/socket-name.js';
import { usersFolder } from '../ctl.js';

/** Where clients and operators come in, as it was asked for. */
export interface Wanted {
  readonly unix?: string | undefined;
  readonly port?: number | undefined;
  readonly bind: string;
  readonly control?: string | undefined;
  /** Connections are secured by TLS. */
  readonly isSecure: boolean;
  /** Let others in without it. */
  readonly insecure: boolean;
}

export interface Places {
  readonly nbd: readonly Address[];
  readonly control: Address;
}

/** The name that systemd gives to the socket for messages (FileDescriptorName=). */
const CONTROL_NAME = 'control';

/**
 * The sockets of a server: those of systemd, else those that were named, else the set's in the folder of the user.
 *
 * @throws DmremapError `usage`
 */
export async function placesFor(header: Header, wanted: Wanted): Promise<Places> {
  const inherited = inheritedSockets(process.env, process.pid);
  const [given] = inherited.filter(({ name }) => name === CONTROL_NAME);
  const nbd: Address[] = inherited
    .filter(({ name }) => name !== CONTROL_NAME)
    .map(({ fd }) => ({ kind: 'inherited', fd }));
  if (wanted.unix !== undefined) nbd.push({ kind: 'unix', path: resolve(wanted.unix) });
  if (wanted.port !== undefined) nbd.push({ kind: 'tcp', host: wanted.bind, port: wanted.port });
  const needsOwn = nbd.length === 0 || (wanted.control === undefined && given === undefined);
  const own = needsOwn ? await ownSockets(header) : undefined;
  if (nbd.length === 0 && own !== undefined) nbd.push({ kind: 'unix', path: own.nbd });
  if (given !== undefined) return { nbd, control: { kind: 'inherited', fd: given.fd } };
  return { nbd, control: { kind: 'unix', path: resolve(wanted.control ?? own?.control ?? '') } };
}

async function ownSockets(header: Header) {
  if (!hasExtension(header) || header.set_uuid === ZERO_UUID)
    throw new DmremapError('usage', 'this set has no uuid by which its sockets could be called', {
      hint: 'name them with --unix and --control',
    });
  const folder = usersFolder();
  await makeRunFolder(folder);
  return socketsOf(folder, header.set_uuid);
}

/** Where an address is found; undefined for a socket of systemd whose name cannot be told. */
export function nameOf(address: Address): SocketName | undefined {
  return address.kind === 'inherited' ? socketName(address.fd) : address;
}

/**
 * Whoever can reach a port can read and write the disk; messages are never secured by TLS.
 *
 * @throws DmremapError `usage`
 */
export function refuseOpenPort({
  port,
  bind,
  isSecure,
  insecure,
}: Pick<Wanted, 'port' | 'bind' | 'isSecure' | 'insecure'>): void {
  if (insecure) return;
  const hosts = port === undefined || isSecure ? [] : [bind];
  for (const { fd, name } of inheritedSockets(process.env, process.pid)) {
    const found = socketName(fd);
    if (found?.kind === 'tcp' && (name === CONTROL_NAME || !isSecure)) hosts.push(found.host);
  }
  const open = hosts.find((host) => !isLoopback(host));
  if (open === undefined) return;
  throw new DmremapError('usage', `${open} is no loopback address, and connections to it are not secured`, {
    hint: 'use --tls-certificates or --tls-psk; --insecure lets everybody in who can reach it',
  });
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
