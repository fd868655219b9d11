import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the memory for new objects as small as it is: under load V8 doubles it again and again, to 32 MiB, where
 * it stays. What requests leave behind is not in it, but in buffers that are used again.
 */
export function boundYoungGeneration(): void {
  // read whenever it would grow
  setFlagsFromString('--semi-space-growth-factor=1');
}
