/**
 * A program for tests: `opener.js read|exclusive PATH` opens a device as the program does, reads it to its end,
 * says "ready" and keeps it open until it is killed (or, with a third argument "once", ends).
 */
import { openDevice } from '../../src/device/open.js';
import { bytes } from '../../src/units.js';

const [, , mode, path = '', once] = process.argv;
const device = await openDevice(path, { mode: mode === 'exclusive' ? 'exclusive' : 'read' });
const chunk = new Uint8Array(1 << 20);
for (let at = 0; at < device.size; at += chunk.length) {
  await device.read(bytes(at), chunk.subarray(0, Math.min(chunk.length, device.size - at)));
}
process.stdout.write('ready\n');
if (once === 'once') await device.close();
else setInterval(() => {}, 1000);
