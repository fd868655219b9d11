import { sendDatagram } from '../device/datagram.js';

/** Tells systemd what this service has come to (sd_notify(3)). Nothing happens where it does not listen. */
export function notify(
  state: 'READY=1' | 'STOPPING=1',
  environment: Readonly<Record<string, string | undefined>> = process.env,
): void {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket) sendDatagram(socket, state);
}
