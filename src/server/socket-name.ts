import { SocketAddress } from 'node:net';
import { nativeLibrary } from '../device/syscalls.js';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** Bytes of struct sockaddr_storage. */
const LONGEST = 128;

/** What a socket is bound to. */
export type SocketName =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * What an open socket is bound to (getsockname(2)), which Node tells of TCP only. Undefined for an abstract name,
 * another family, and where it cannot be told.
 */
export function socketName(fd: number): SocketName | undefined {
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  const getsockname = library.func('int getsockname(int fd, void *address, void *length)');
  const address = Buffer.alloc(LONGEST);
  const length = Buffer.alloc(LONGEST);
  length.writeUInt32LE(address.length);
  if (Number(getsockname(fd, address, length)) !== 0) return undefined;
  return nameIn(address.subarray(0, length.readUInt32LE()));
}

/** @param address struct sockaddr_un, sockaddr_in or sockaddr_in6 */
function nameIn(address: Buffer): SocketName | undefined {
  switch (address.readUInt16LE()) {
    case AF_UNIX:
      return unixName(address.subarray(2));
    case AF_INET:
      return { kind: 'tcp', host: address.subarray(4, 8).join('.'), port: address.readUInt16BE(2) };
    case AF_INET6:
      return { kind: 'tcp', host: ipv6(address.subarray(8, 24)), port: address.readUInt16BE(2) };
    default:
      return undefined;
  }
}

function unixName(bytes: Buffer): SocketName | undefined {
  const end = bytes.indexOf(0);
  const path = bytes.subarray(0, end < 0 ? bytes.length : end).toString();
  return path === '' ? undefined : { kind: 'unix', path };
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
