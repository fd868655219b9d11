import { spawnSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { nativeLibrary } from '../../src/device/syscalls.js';
import { uringIo } from '../../src/device/uring.js';

/**
 * Asks for a ring when only so many more descriptors can be opened. Says whether there is one, and how many are open
 * that were not before.
 *
 * Argument: how many.
 */
const MOST = 200;

if (nativeLibrary() === undefined) throw new Error('the C library cannot be called');
prlimit('--nofile'); // the first child leaves descriptors that are used again
const before = taken();
prlimit(`--nofile=${limitFor(Number(process.argv[2]))}`);
const hasRing = uringIo() !== undefined;
const more = taken().size - before.size;
process.stdout.write(JSON.stringify({ hasRing, more }));

function prlimit(limit: string): void {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${process.pid}`, limit], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Numbers of what is open. */
function taken(): Set<number> {
  const numbers = new Set<number>();
  for (let number = 0; number < MOST; number++)
    try {
      fstatSync(number);
      numbers.add(number);
    } catch {
      // not open
    }
  return numbers;
}

/** The lowest limit with so many free numbers below it. */
function limitFor(free: number): number {
  let limit = 0;
  for (let left = free; left > 0; limit++) if (!before.has(limit)) left--;
  return limit;
}
