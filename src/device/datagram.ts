import { nativeLibrary } from './syscalls.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;

/** Bytes of the path in sockaddr_un. */
const PATH_BYTES = 108;

/**
 * Sends a datagram to a Unix socket (unix(7)), which Node cannot; a path that begins with @ is an abstract name.
 * False where that is not possible.
 */
export function sendDatagram(path: string, text: string): boolean {
  const library = nativeLibrary();
  const name = Buffer.from(path);
  if (library === undefined || name.length === 0 || name.length >= PATH_BYTES) return false;
  const socket = library.func('int socket(int, int, int)');
  const sendto = library.func('long sendto(int, const void *, size_t, int, const void *, uint)');
  const close = library.func('int close(int)');
  const address = Buffer.alloc(2 + PATH_BYTES);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const isAbstract = name[0] === '@'.charCodeAt(0);
  if (isAbstract) address[2] = 0;
  // an abstract name has no end of its own
  const length = isAbstract ? 2 + name.length : address.length;
  const fd = Number(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return false;
  try {
    const message = Buffer.from(text);
    return Number(sendto(fd, message, message.length, MSG_NOSIGNAL, address, length)) === message.length;
  } finally {
    close(fd);
  }
}
