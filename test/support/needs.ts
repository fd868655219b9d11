import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Thrown to leave a test (or, from a before hook, a suite) that cannot run here; reported by name. */
export class Skipped extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Skipped';
  }
}

/** Ends the running test as skipped, never as passed. */
export function skip(reason: string): never {
  throw new Skipped(reason);
}

/**
 * Goes on only where everything named is there: `root` for the rights of user 0, a path (`/dev/kvm`) for a
 * file that may be read and written, anything else for a program. Otherwise the test is skipped, and the
 * report names what is missing.
 */
export function needs(...things: readonly string[]): void {
  const missing = things.filter((thing) => !isThere(thing));
  if (missing.length > 0) skip(`needs ${missing.join(', ')}`);
}

function isThere(thing: string): boolean {
  if (thing === 'root') return process.geteuid?.() === 0;
  if (thing.startsWith('/')) return accessible(thing, constants.R_OK | constants.W_OK);
  return searchPath().some((folder) => accessible(join(folder, thing), constants.X_OK));
}

/** mkfs and its kin live where an ordinary user's PATH does not look. */
function searchPath(): string[] {
  const own = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...own, '/usr/local/sbin', '/usr/sbin', '/sbin'];
}

function accessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
