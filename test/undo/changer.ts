/**
 * A program for tests: `changer.js IMAGE FOLDER` overwrites sectors 0, 8 and 9 of an image in two phases, with
 * an undo file in FOLDER, and says where that is. Its system calls show what is durable when.
 */
import { identify } from '../../src/device/identity.js';
import { openDevice } from '../../src/device/open.js';
import { carryOutWithUndo } from '../../src/operations/undo-files.js';
import type { Phase } from '../../src/store/phase.js';
import { bytes } from '../../src/units.js';

const [, , image = '', folder = ''] = process.argv;
const phases: Phase[] = [
  { purpose: 'first', writes: [{ at: bytes(4096), bytes: new Uint8Array(1024).fill(1) }] },
  { purpose: 'second', writes: [{ at: bytes(0), bytes: new Uint8Array(512).fill(2) }] },
];
const device = await openDevice(image, { mode: 'exclusive' });
const { path } = await carryOutWithUndo(device, phases, {
  command: 'repair',
  now: 1_696_195_200n,
  place: { surroundings: { environment: { DMREMAP_STATE_DIR: folder } } },
  identity: await identify(device),
  spareUuid: undefined,
  setUuid: undefined,
  generation: 1,
});
await device.close();
process.stdout.write(`${path}\n`);
