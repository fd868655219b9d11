import { networkInterfaces } from 'node:os';
import { addressText } from './listen.js';
import type { SocketName } from './socket-name.js';

/**
 * What clients are given to find an export (doc/uri.md of NetworkBlockDevice/nbd). A port of 0 has to have been
 * replaced by the one that was found.
 */
export function nbdUri(address: SocketName, exportName: string, isSecure: boolean): string {
  const scheme = isSecure ? 'nbds' : 'nbd';
  const name = encodeURIComponent(exportName);
  if (address.kind === 'tcp') return `${scheme}://${addressText(address)}/${name}`;
  const path = address.path.split('/').map(encodeURIComponent).join('/');
  return `${scheme}+unix:///${name}?socket=${path}`;
}

/** An address that a client can ask for: of one that stands for all of this machine, the first that others reach. */
export function reachable(host: string): string {
  const family = { '0.0.0.0': 'IPv4', '::': 'IPv6' }[host];
  if (family === undefined) return host;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = own.find((one) => one.family === family && !one.internal && !one.scopeid);
  return outside?.address ?? (family === 'IPv4' ? '127.0.0.1' : '::1');
}
