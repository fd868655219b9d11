import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's heap near what lives in it. What requests leave behind is not in it, but in buffers that are used
 * again.
 */
export function boundHeap(): void {
  // the memory for new objects stays as small as it is: under load it would double again and again, to 32 MiB
  setFlagsFromString('--semi-space-growth-factor=1');
  // older garbage is looked for when there is a quarter more than what lived: else tens of MiB of it gather
  setFlagsFromString('--heap-growing-percent=25');
}
