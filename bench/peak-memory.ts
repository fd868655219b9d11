/**
 * Loaded into a program by `node --import`: says on descriptor 3, when the program ends, how much memory it
 * had at most, in KiB. What the system counts for a process that has ended would count its parent's too.
 */
import { readFileSync, writeSync } from 'node:fs';

process.on('exit', () => {
  const [, peak] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  writeSync(3, peak ?? '');
});
