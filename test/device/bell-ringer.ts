import { writeSync } from 'node:fs';
import { Bell } from '../../src/device/bell.js';
import { nativeLibrary } from '../../src/device/syscalls.js';

/**
 * Has a bell that is rung after 100 ms, if the process still is alive: says each turn of the event loop in which
 * that was heard.
 *
 * Arguments: `awaited` or not; how often it is rung in one go.
 */
const [, , awaited, times] = process.argv;
const library = nativeLibrary();
if (library !== undefined) {
  const bell = new Bell(library, () => {
    process.stdout.write('rung\n');
    bell.isAwaited = false;
  });
  bell.isAwaited = awaited === 'awaited';
  const one = new Uint8Array(new BigUint64Array([1n]).buffer);
  setTimeout(() => {
    for (let count = 0; count < Number(times); count++) writeSync(bell.fd, one);
  }, 100).unref();
}
