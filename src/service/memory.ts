import { setFlagsFromString } from 'node:v8';
import { nativeLibrary } from '../device/syscalls.js';

/** How often memory that the C library holds and nobody uses goes back to the system, in milliseconds. */
const TRIM_EVERY = 3000;

/**
 * Keeps the memory of a server near what lives in it. What requests leave behind is not in V8's heap, but in
 * buffers that are used again.
 */
export function boundMemory(): void {
  // the memory for new objects stays as small as it is: under load it would double again and again, to 32 MiB
  setFlagsFromString('--semi-space-growth-factor=1');
  // older garbage is looked for when there is a quarter more than what lived: else tens of MiB of it gather
  setFlagsFromString('--heap-growing-percent=25');
  const trim = trimmer();
  if (trim !== undefined) setInterval(trim, TRIM_EVERY).unref();
}

/** Not every C library can be asked. */
function trimmer(): (() => void) | undefined {
  try {
    const trim = nativeLibrary()?.func('int malloc_trim(size_t kept)');
    return trim === undefined ? undefined : () => void trim(0);
  } catch {
    return undefined;
  }
}
