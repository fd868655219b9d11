import { lstat, readFile, unlink, writeFile } from 'node:fs/promises';
import { DmremapError } from '../errors.js';
import { unwritable } from './unwritable.js';

/**
 * Writes the number of this process to a file; one that another process has left is replaced. Returns what
 * removes it.
 *
 * @throws DmremapError `usage` where something else is there, `permission`
 */
export async function writePidFile(path: string): Promise<() => Promise<void>> {
  if (!(await isFree(path))) throw new DmremapError('usage', `${path} is there already, and is no pid file`);
  try {
    await writeFile(path, `${process.pid}\n`);
  } catch (error) {
    throw unwritable(path, error);
  }
  return () => unlink(path).catch(() => undefined);
}

/** A number, its newline, and no more. */
const LONGEST = 12;

/** Nothing of that name, or a number that a process has left. */
async function isFree(path: string): Promise<boolean> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return true;
  if (!there.isFile() || there.size > LONGEST) return false;
  return /^\d*\n?$/.test(await readFile(path, 'latin1').catch(() => 'unreadable'));
}
