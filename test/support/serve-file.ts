import { parseArgs } from 'node:util';
import { NbdServer } from '../../src/server/server.js';
import { FileServedDevice } from './file-served-device.js';

/** Serves a file as it is, for measurements: `node serve-file.js IMAGE SOCKET`. */
const { positionals } = parseArgs({ allowPositionals: true });
const [image = '', path = ''] = positionals;
const options = { exportName: '', description: '', maxConnections: 4096 };
const nothing = (): void => {};
const server = new NbdServer(new FileServedDevice(image), options, {
  connected: nothing,
  turnedAway: nothing,
  attached: nothing,
  failed: nothing,
  disconnected: nothing,
});
await server.listen({ kind: 'unix', path });
process.once('SIGTERM', () => void server.stop(1000));
