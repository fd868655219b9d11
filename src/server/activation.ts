/** The first file descriptor that systemd passes on; the others follow. */
const FIRST = 3;

/** A listening socket that systemd has opened for this process. */
export interface InheritedSocket {
  readonly fd: number;
  /** Of FileDescriptorName=; `unknown` without one. */
  readonly name: string;
}

/** The sockets of socket activation (sd_listen_fds); none where they are meant for another process. */
export function inheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedSocket[] {
  const { LISTEN_PID: owner, LISTEN_FDS: count, LISTEN_FDNAMES: names } = environment;
  if (owner !== String(pid) || !/^[1-9]\d{0,2}$/.test(count ?? '')) return [];
  const given = (names ?? '').split(':');
  return Array.from({ length: Number(count) }, (_, index) => ({
    fd: FIRST + index,
    name: given[index] || 'unknown',
  }));
}
