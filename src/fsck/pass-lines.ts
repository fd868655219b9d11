import { givenDescriptor } from '../operations/given-descriptor.js';

/** A reader such as systemd-fsck draws a bar: this often is enough, in milliseconds. */
const INTERVAL = 200;

/**
 * Progress as e2fsck writes it for `-C FD`: lines of pass, done, total and device, of which there is one pass.
 * One line at the end of each stage at least. Undefined where nobody gave the descriptor; to be called before
 * a device is opened.
 */
export function passLines(
  descriptor: number,
  devices: readonly string[],
): ((done: number, total: number) => void) | undefined {
  const write = givenDescriptor(descriptor);
  if (write === undefined) return undefined;
  let last = Number.NEGATIVE_INFINITY;
  return (done, total) => {
    const now = performance.now();
    if (done < total && now - last < INTERVAL) return;
    last = now;
    write(`1 ${done} ${total} ${devices.join(' ')}\n`);
  };
}
