import { inheritedSockets } from '../../src/server/activation.js';
import { NbdServer } from '../../src/server/server.js';
import { FileServedDevice } from './file-served-device.js';

/**
 * Serves a file as it is, on a Unix socket or on what systemd passes on: `node serve-file.js IMAGE [SOCKET]`.
 */
const [image = '', path] = process.argv.slice(2);
const options = { exportName: 'disk', description: '', maxConnections: 4096 };
const nothing = (): void => {};
const server = new NbdServer(new FileServedDevice(image), options, {
  connected: nothing,
  turnedAway: nothing,
  attached: nothing,
  failed: nothing,
  disconnected: nothing,
});
if (path !== undefined) await server.listen({ kind: 'unix', path });
for (const { fd } of inheritedSockets(process.env, process.pid))
  await server.listen({ kind: 'inherited', fd });
process.once('SIGTERM', () => void server.stop(1000));
